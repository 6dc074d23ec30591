"""A PostgreSQL cluster for one test: on a free loopback port, below a temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
import trustme

from tests.helpers.made_once import made_once
from tests.helpers.ports import lasting_port
from tests.helpers.programs import find_program

START_SECONDS = 60.0
# Another program may have taken the port, and a failed test may have left a transaction open: the
# next statement must fail, and not wait forever.
PATIENT: dict[str, Any] = {"connect_timeout": 20, "options": "-c lock_timeout=30s"}


@attrs.define(eq=False)
class PostgresServer:
    """``folder``: its data and log. Everybody on loopback is trusted, but for ``scram`` roles."""

    folder: Path
    port: int
    fsync: bool = False
    _process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", user: str = "postgres", password: str = "") -> str:
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True, **PATIENT) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def require_password(self, role: str, password: str) -> None:
        """Make a role that must give its password."""
        self.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        rules = self.folder / "data" / "pg_hba.conf"
        rule = f"host all {role} 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(rule + rules.read_text())
        self.execute("SELECT pg_reload_conf()")

    def offer_tls(self, certificate: trustme.LeafCert) -> None:
        """Offer TLS with this certificate from the next connection on."""
        for name, data in (
            ("server.crt", certificate.cert_chain_pems[0].bytes()),
            ("server.key", certificate.private_key_pem.bytes()),
        ):
            file = self.folder / "data" / name
            file.unlink(missing_ok=True)
            file.touch(mode=0o600)
            file.write_bytes(data)
            if os.geteuid() == 0:
                shutil.chown(file, user="nobody", group="nogroup")
        self.execute("ALTER SYSTEM SET ssl = on")
        self.execute("SELECT pg_reload_conf()")

    def standby(self, port: int) -> "PostgresServer":
        """Make a standby of this server, read-only; it is not started yet."""
        copy = PostgresServer(make_folder(), port)
        subprocess.run(
            [
                *unprivileged(),
                str(bin_folder() / "pg_basebackup"),
                *("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"),
                *("-D", str(copy.folder / "data"), "-R", "-X", "stream", "--checkpoint=fast"),
            ],
            check=True,
            capture_output=True,
            cwd=copy.folder,
        )
        return copy

    def start(self) -> None:
        """Start it; retry while processes of a killed server still exist."""
        deadline = time.monotonic() + START_SECONDS
        while not self._start(deadline):
            time.sleep(0.1)  # between tries, until it starts or the deadline is over

    def _start(self, deadline: float) -> bool:
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                *unprivileged(),
                str(bin_folder() / "postgres"),
                *("-D", str(self.folder / "data"), "-p", str(self.port)),
                *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
                *("-c", "max_connections=60", "-c", "shared_buffers=32MB"),
                *("-c", f"fsync={'on' if self.fsync else 'off'}"),
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                if self._process.poll() is not None:
                    return False
                time.sleep(0.05)  # between questions, until it answers
            else:
                return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it. SIGINT: at once, but gracefully. SIGKILL: the server and all its processes."""
        process, self._process = self._process, None
        if process is None:
            return
        if how is signal.SIGKILL:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
        process.wait(30)

    @property
    def running(self) -> bool:
        return self._process is not None

    def remove(self) -> None:
        """Stop it, and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        self.stop(how)
        self.start()


def new_database(server: PostgresServer, name: str) -> str:
    """Make an empty database; return the owner's URL."""
    server.execute(f"CREATE DATABASE {name}")
    return server.url(name)


def make_folder() -> Path:
    """A folder that the unprivileged user can reach: pytest's own is root's alone."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, user="nobody")
    return folder


def initialise(folder: Path) -> None:
    """Make the files of a new server: a second of CPU."""
    init = ["--auth-local=trust", "--auth-host=trust", "--locale=C.UTF-8", "-E", "UTF8"]
    init += ["-U", "postgres", "--no-sync"]
    subprocess.run(
        [*unprivileged(), str(bin_folder() / "initdb"), "-D", str(folder / "data"), *init],
        check=True,
        capture_output=True,
        cwd=folder,
    )


def new_files(factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of a new server, which one worker of the suite makes."""

    def make(target: Path) -> None:
        folder = make_folder()
        try:
            initialise(folder)
            copy_files(folder, target)
        finally:
            shutil.rmtree(folder)

    return made_once(factory, "postgres", make)


def copy_files(source: Path, target: Path) -> None:
    """Copy a server's files with their owner, which PostgreSQL insists on."""
    subprocess.run(["cp", "-a", str(source / "data"), str(target)], check=True)


@contextmanager
def postgres_server(
    *, fsync: bool = False, folder: Path | None = None, files: Path | None = None
) -> Iterator[PostgresServer]:
    """A running server; stopped and removed at the end. No test cuts the power: no fsync.

    folder: for its data and log; a temporary one where None. files: ``new_files`` to begin with.
    """
    folder = folder or make_folder()
    try:
        if files is None:
            initialise(folder)
        else:
            copy_files(files, folder)
        server = PostgresServer(folder, lasting_port(), fsync)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bin_folder() -> Path:
    found = find_program("PostgreSQL")
    assert found is not None
    return Path(found).resolve().parent  # only a link to it may be on the PATH


def unprivileged() -> list[str]:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
