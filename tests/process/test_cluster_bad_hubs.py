"""Real trackers and hubs that cannot be used: doctor, log and health say why, and checks go on."""

import os
import shutil
import socket
import socketserver
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trustme

from tests.helpers.command_line import Commands, Served, command, ran, serving
from tests.helpers.plain_http import PLAIN
from tests.helpers.postgres import PostgresServer, new_database, new_files, postgres_server
from tests.helpers.waiting import block_until
from tracker.cluster.hub import SCHEMA
from tracker.cluster.migrate import migrate
from tracker.core.redaction import Secret

__all__ = ["command"]

pytestmark = pytest.mark.needs_program("PostgreSQL")

PASSWORD = "s3cret-of-the-tracker"
ROLE = "walker"
HUB = "hub"


class _Lists(BaseHTTPRequestHandler):
    """A model list, and under /nul/ an error with NUL in it."""

    def do_GET(self) -> None:
        broken = self.path.startswith("/nul/")
        body = (
            b'{"error": {"message": "it broke \\u0000 here", "code": "server_error"}}'
            if broken
            else b'{"object": "list", "data": [{"id": "m", "object": "model"}]}'
        )
        self.send_response(500 if broken else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[str]:
    """The URL of a server with a model list."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Lists) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def postgres(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresServer]:
    """PostgreSQL with TLS by an authority of its own, and a role that must give its password."""
    with postgres_server(files=new_files(tmp_path_factory)) as server:
        server.require_password(ROLE, PASSWORD)
        server.offer_tls(authority.issue_cert("localhost"))
        yield server


@pytest.fixture
def server(postgres: PostgresServer) -> PostgresServer:
    """The same with an empty hub: in whatever order they run, no test finds another one's rows."""
    postgres.execute(f"DROP DATABASE IF EXISTS {HUB} WITH (FORCE)")
    migrate(Secret(new_database(postgres, HUB)))
    postgres.execute(f"GRANT provider_status_tracker TO {ROLE}")
    return postgres


@attrs.frozen
class Walk:
    """A running tracker, the hub that it has, and what its doctor needs to try the same."""

    command: Commands
    served: Served
    server: PostgresServer
    environ: dict[str, str]

    def ask(self, path: str) -> Any:
        return httpx.get(f"{self.served.url}{path}", timeout=20.0, verify=PLAIN).json()

    def problems(self) -> str:
        return " ".join(self.ask("/api/providers/health")["problems"])

    def doctor(self) -> str:
        return self.command("doctor", "--json", **self.environ).out

    def checks(self) -> int:
        return int(self.ask("/api/providers/status/good")["checks_24h"])

    def meet(self, told: str) -> None:
        """Assert that health, log and doctor say it, that checks go on, and no password is told."""
        self.disconnect()
        block_until(lambda: told in self.problems())
        assert "this tracker works alone" in self.problems()
        checks = self.checks()
        block_until(lambda: told in self.served.log.read_text())
        examined = self.doctor()
        assert told in examined
        assert PASSWORD not in examined + self.served.log.read_text() + self.problems()
        block_until(lambda: self.checks() > checks)

    def disconnect(self) -> None:
        if self.server.running:
            self.server.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{HUB}'"
            )


@contextmanager
def tracking(
    folder: Path, provider: str, url: str, *, vantage: str = "eu-1"
) -> Iterator[tuple[Served, dict[str, str]]]:
    configure(folder, provider, vantage=vantage)
    environ = {"PROVIDER_STATUS_POSTGRES": url}
    with serving(folder, **environ) as served:
        yield served, environ


def configure(folder: Path, provider: str, *, vantage: str) -> None:
    folder.mkdir(exist_ok=True)
    tables = [
        f'[providers.{name}]\nkind = "openai"\nbase_url = "{provider}/{name}/v1"\n'
        for name in ("good", "nul")
    ]
    (folder / "tracker.toml").write_text(
        "[tracker]\ndiscover = false\ninterval_seconds = 1\ntimeout_seconds = 1\n"
        f'[cluster]\nvantage = "{vantage}"\nlease_seconds = 2\n' + "".join(tables)
    )


def _changed(sql: str, back: str) -> Callable[[PostgresServer, ExitStack], None]:
    """Change something in the hub, and change it back afterwards."""

    def change(server: PostgresServer, after: ExitStack) -> None:
        after.callback(server.execute, back, HUB)
        server.execute(sql, HUB)

    return change


def _renamed(server: PostgresServer, after: ExitStack) -> None:
    """Rename the database; nobody may be connected to it then."""

    def rename(old: str, new: str) -> None:
        server.execute(f"ALTER DATABASE {old} ALLOW_CONNECTIONS false")
        server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{old}'"
        )
        server.execute(f"ALTER DATABASE {old} RENAME TO {new}")
        server.execute(f"ALTER DATABASE {new} ALLOW_CONNECTIONS true")

    rename(HUB, "another")
    after.callback(rename, "another", HUB)


def _stopped(server: PostgresServer, after: ExitStack) -> None:
    after.callback(server.start)
    server.stop()


def _without_tls(server: PostgresServer, after: ExitStack) -> None:
    def set_tls(how: str) -> None:
        server.execute(f"ALTER SYSTEM SET ssl = {how}")
        server.execute("SELECT pg_reload_conf()")

    after.callback(set_tls, "on")
    set_tls("off")


META = "UPDATE provider_status.meta SET schema_version = {}, oldest_client = {}"
KEEP = "SELECT provider_status.keep_role_to('{}', '{}')"
FAULTS: dict[str, tuple[Callable[[PostgresServer, ExitStack], None], str]] = {
    "an older schema": (
        _changed(META.format(1, 1), META.format(SCHEMA, 1)),
        "the hub's schema is 1",
    ),
    "a newer schema": (_changed(META.format(99, 99), META.format(SCHEMA, 1)), "upgrade it"),
    "no rights": (
        _changed(
            f"REVOKE provider_status_tracker FROM {ROLE}",
            f"GRANT provider_status_tracker TO {ROLE}",
        ),
        "the role lacks privileges",
    ),
    "the role of another place": (
        _changed(KEEP.format(ROLE, "us-1"), KEEP.format(ROLE, "eu-1")),
        "the role is kept to ",
    ),
    "a wrong password": (
        _changed(
            f"ALTER ROLE {ROLE} PASSWORD 'another'", f"ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'"
        ),
        "PostgreSQL refused the password or the role",
    ),
    "a wrong role": (
        _changed(
            f"ALTER ROLE {ROLE} RENAME TO somebody",
            f"ALTER ROLE somebody RENAME TO {ROLE}; ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'",
        ),
        "PostgreSQL refused the password or the role",
    ),
    "a wrong database": (_renamed, "the database does not exist"),
    "no TLS": (_without_tls, "the server does not support TLS"),
    "nothing at the port": (_stopped, "nothing listens at this address"),
}


def test_a_tracker_says_why_a_hub_is_unusable_and_continues_alone(
    command: Commands, provider: str, server: PostgresServer, authority: trustme.CA
) -> None:
    tmp_path = command.folder
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    url = (
        f"postgresql://{ROLE}:{PASSWORD}@localhost:{server.port}/{HUB}"
        f"?sslmode=verify-full&sslrootcert={ca}"
    )
    server.execute(KEEP.format(ROLE, "eu-1"), HUB)  # so all of it is with rows kept apart
    with tracking(tmp_path, provider, url) as (served, environ):
        walk = Walk(command, served, server, environ)
        block_until(lambda: walk.ask("/api/cluster")["hub_up"])
        assert "answers over TLS" in ran(tmp_path, "doctor", **environ).out
        for change, told in FAULTS.values():
            with ExitStack() as after:
                change(server, after)
                walk.meet(told)
        stranger = trustme.CA().issue_cert("localhost")
        for certificate, told in (
            (authority.issue_cert("db.example.org"), "is of another host than the URL names"),
            (stranger, "its TLS certificate is not trusted"),
        ):
            server.offer_tls(certificate)
            walk.meet(told)
        server.offer_tls(authority.issue_cert("localhost"))
        ca.rename(tmp_path / "elsewhere.pem")
        walk.meet("the file that sslrootcert names is missing")
        (tmp_path / "elsewhere.pem").rename(ca)
        standby = server.standby(server.port)
        server.stop()
        standby.start()
        try:
            walk.meet("PostgreSQL is read-only: a standby, or in recovery")
        finally:
            standby.remove()
            server.start()
        block_until(lambda: walk.ask("/api/cluster")["hub_up"])
        server.execute("SELECT provider_status.keep_vantages_apart(false)", HUB)
        block_until(lambda: _in_hub(server) == _rows(tmp_path))  # checks are still being made
        assert walk.ask("/api/cluster")["skipped"] == 0, "nor did a NUL in a text"
        assert served.ended().code == 0
    stored = _rows(tmp_path)
    assert any("it broke" in message for *_, message in stored)
    assert len(stored) > 2 * len(FAULTS)


def _rows(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "provider_status.db")) as file:
        found = file.execute(
            "SELECT provider_name, checked_at_ms, outcome, response_time_ms, error_message "
            "FROM checks WHERE origin IS NULL"
        ).fetchall()
    return sorted(found, key=repr)


def _in_hub(server: PostgresServer) -> list[tuple[Any, ...]]:
    found = server.execute(
        "SELECT p.name, (extract(epoch FROM c.at) * 1000)::bigint, c.outcome, c.response_time_ms, "
        "c.error_message FROM provider_status.checks c "
        "JOIN provider_status.providers p ON p.id = c.provider",
        HUB,
    )
    return sorted(found, key=repr)


def test_a_copied_file_or_one_moved_to_another_vantage_gets_a_new_name(
    tmp_path: Path, provider: str, server: PostgresServer
) -> None:
    url = server.url(HUB, ROLE, PASSWORD)
    with tracking(tmp_path / "one", provider, url) as (served, _):
        block_until(lambda: _in_hub(server))
        assert served.ended().code == 0
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    with (
        tracking(tmp_path / "one", provider, url) as (one, _),
        tracking(tmp_path / "two", provider, url) as (two, _),
    ):
        block_until(lambda: "this file is a copy, or was moved" in two.log.read_text())
        assert "continuing as a new database file" not in one.log.read_text()
        block_until(lambda: len(_members(one)) == 2)
        block_until(lambda: "this file is a copy, or was moved" in _problems(two))
        assert _problems(one) == ""
        one.ended()
        two.ended()
    environ = {"PROVIDER_STATUS_POSTGRES": url}
    configure(tmp_path / "two", provider, vantage="us-1")
    belongs = "this database file belongs to vantage eu-1, not to us-1 as configured"
    assert belongs in ran(tmp_path / "two", "doctor", "--json", **environ).out
    with tracking(tmp_path / "two", provider, url, vantage="us-1") as (two, _):
        block_until(lambda: "this file belonged to vantage eu-1" in two.log.read_text())
        block_until(lambda: "this file belonged to vantage eu-1" in _problems(two))
        block_until(lambda: [each["vantage"] for each in _members(two)] == ["us-1"])
        block_until(lambda: _places(server) == {"eu-1", "us-1"})
        two.ended()
    ours = _rows(tmp_path / "one") + _rows(tmp_path / "two")
    assert set(ours) <= set(_in_hub(server))
    numbers = server.execute("SELECT origin, seq FROM provider_status.checks", HUB)
    assert len(numbers) == len(set(numbers)), "each once"


def _problems(served: Served) -> str:
    health = httpx.get(f"{served.url}/api/providers/health", timeout=20.0).json()
    return " ".join(health["problems"])


def _members(served: Served) -> list[dict[str, Any]]:
    return list(
        httpx.get(f"{served.url}/api/cluster", timeout=20.0, verify=PLAIN).json()["members"]
    )


def _places(server: PostgresServer) -> set[object]:
    found = server.execute(
        "SELECT DISTINCT v.name FROM provider_status.checks c "
        "JOIN provider_status.vantages v ON v.id = c.vantage",
        HUB,
    )
    return {name for (name,) in found}


def test_a_second_tracker_on_a_database_file_goes_on_alone_and_says_why(
    tmp_path: Path, provider: str, server: PostgresServer
) -> None:
    url = server.url(HUB, ROLE, PASSWORD)
    with (
        tracking(tmp_path, provider, url) as (one, _),
        serving(tmp_path, PROVIDER_STATUS_POSTGRES=url) as two,
    ):
        told = "another tracker on this machine uses the same database file"
        block_until(lambda: told in _problems(two))
        assert _problems(one) == ""
        block_until(lambda: [each["leases"] for each in _members(one)] == [2])
        block_until(lambda: two.log.read_text().count(told) == 1)
        port = str(httpx.URL(two.url).port)
        examined = ran(tmp_path, "doctor", "--json", "--port", port, PROVIDER_STATUS_POSTGRES=url)
        assert told in examined.out
        latest = _checked(two)
        block_until(lambda: _checked(two) > latest)
        two.ended()
        one.ended()


def _checked(served: Served) -> str:
    found = httpx.get(f"{served.url}/api/providers/status/good", timeout=20.0).json()
    return str(found["last_check"])


@contextmanager
def far_away(port: int) -> Iterator[int]:
    """Run a relay to a port through which each answer takes 40 ms; yield its own port."""

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as hub:
                back = threading.Thread(target=carry, args=(hub, self.request, 0.04), daemon=True)
                back.start()
                carry(self.request, hub, 0.0)
                with suppress(OSError):
                    hub.shutdown(socket.SHUT_RDWR)
                back.join()

    def carry(source: socket.socket, sink: socket.socket, seconds: float) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                time.sleep(seconds)
                sink.sendall(data)

    class Relays(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Relays(("127.0.0.1", 0), Relay) as relay:
        thread = threading.Thread(target=relay.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield relay.server_address[1]
        finally:
            relay.shutdown()
            thread.join()


@pytest.mark.skipif(
    os.environ.get("HYPOTHESIS_PROFILE") != "nightly",
    reason="takes a minute: HYPOTHESIS_PROFILE=nightly",
)
def test_a_vantage_on_two_continents_leaves_the_far_tracker_alone(
    tmp_path: Path, provider: str, server: PostgresServer
) -> None:
    near_url = server.url(HUB, ROLE, PASSWORD)
    with (
        far_away(server.port) as port,
        tracking(tmp_path / "near", provider, near_url) as (near, _),
    ):
        block_until(lambda: len(_members(near)) == 1)
        far_url = near_url.replace(f":{server.port}/", f":{port}/")
        with tracking(tmp_path / "far", provider, far_url) as (far, environ):
            told = "vantage eu-1 is used in different places"
            block_until(lambda: "seem to be in different places" in _problems(near))
            block_until(lambda: told in _problems(far))
            assert "this tracker works alone" in _problems(far)
            assert told in far.log.read_text()
            examined = ran(tmp_path / "far", "doctor", "--json", **environ).out
            assert "vantage eu-1 seem to be in different places" in examined
            block_until(lambda: [each["leases"] for each in _members(near)] == [2])
            latest = _checked(far)
            block_until(lambda: _checked(far) > latest)
            far.ended()
        assert _problems(near) == ""
        near.ended()


@pytest.mark.parametrize(
    ("vantage", "host", "told"),
    [
        ("x" * 300, "127.0.0.1", "cluster.vantage"),
        ("eu-1", "db.example.org", "add sslmode=verify-full"),
    ],
    ids=["a name of 300 characters", "a remote host without TLS"],
)
def test_an_invalid_cluster_configuration_is_refused_at_the_start(
    command: Commands, vantage: str, host: str, told: str
) -> None:
    url = f"postgresql://{ROLE}:{PASSWORD}@{host}/{HUB}"
    command.configured(f'[cluster]\nvantage = "{vantage}"')
    for words in (("serve",), ("doctor", "--json"), ("config", "check")):
        refused = command(*words, PROVIDER_STATUS_POSTGRES=url)
        assert refused.code == (1 if "doctor" in words else 2)
        shown = " ".join((refused.out + refused.err).split())
        assert told in shown
        assert PASSWORD not in shown
