"""Two replicas behind nginx on one PostgreSQL: ``python -m integration.replicas``.

Clients ask nginx for ``/best`` all the time, while one replica is killed and restarted, the other
is stopped, and PostgreSQL is unavailable for a while. Required: no client misses an answer; a
provider is checked once per interval and not once by each; a killed replica is replaced within 10 s
and two heartbeats.
"""

import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx

from integration.commanded_servers import CommandedServer, commanded_servers
from integration.programs import Program, ended
from integration.records import DATABASE
from integration.report import LOOK_SECONDS, UnexpectedError, expect, insist, say, title, wait_for
from integration.served import COMMAND, command
from tests.helpers.ports import lasting_port
from tests.helpers.postgres import PostgresServer, new_database, postgres_server
from tests.helpers.programs import find_program

NGINX = Path(__file__).parents[1] / "deploy" / "cluster-nginx.conf"
PROVIDERS = 8
INTERVAL = 5.0  # seconds between two checks of a provider
SEEN = 2.0  # seconds later at most on a busy machine
TAKE_OVER = 10.0 + 2 * 1.0 + SEEN  # the lease time and two heartbeats
GRACEFUL = 2 * 1.0 + SEEN  # two heartbeats
QUIET_SECONDS = 15.0
AWAY_SECONDS = 10.0  # without PostgreSQL
CLIENTS, ASK_EVERY = 4, 0.05

CONFIG = """\
[tracker]
discover = false
interval_seconds = {interval:g}
timeout_seconds = 2

[cluster]
url_env = "PROVIDER_STATUS_POSTGRES"
vantage = "here"

{providers}
"""
PROVIDER = """\
[providers.{name}]
kind = "openai"
base_url = "{url}"
check = "models"
"""
SERVER = """\
daemon off;
master_process off;  # one process, which ends with this run
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
{sites}
}}
"""

IN_HUB = """
SELECT count(*) FROM provider_status.checks c
JOIN provider_status.origins o ON o.id = c.origin WHERE '{origin}' IN ('', o.uuid::text)
"""


@attrs.define(eq=False)
class Clients:
    """Ask ``url`` for the best provider until stopped."""

    url: str
    answers: int = 0
    failures: list[str] = attrs.field(factory=list)
    slowest: float = 0.0
    _over: threading.Event = attrs.field(factory=threading.Event)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    @contextmanager
    def asking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=10.0) as http:
            while not self._over.wait(ASK_EVERY):
                began = time.monotonic()
                try:
                    answer = http.get(f"{self.url}/api/providers/best")
                    wrong = "" if answer.status_code == 200 else str(answer.status_code)
                except httpx.HTTPError as error:
                    wrong = repr(error)
                with self._lock:
                    self.answers += 1
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    if wrong:
                        self.failures.append(wrong)

    def tell(self, what: str) -> None:
        """Print what they saw since the last call. Raises UnexpectedError after a failure."""
        with self._lock:
            answers, slowest, failures = self.answers, self.slowest, list(self.failures)
            self.answers, self.slowest = 0, 0.0
        say(f"  {what}: {answers} answers through nginx, the slowest after {slowest:.2f} s")
        expect(failures, [], "answers that clients missed")


@attrs.frozen(kw_only=True)
class Replicas:
    """The processes of the run. Each replica has its own folder, and so its own database."""

    programs: Sequence[Program]
    servers: dict[str, CommandedServer]
    postgres: PostgresServer
    clients: Clients

    def checks(self, since: float, until: float) -> dict[str, int]:
        """Return how often each provider was checked meanwhile, by its own count."""
        return {
            name: sum(since <= at < until for at in server.listed)
            for name, server in self.servers.items()
        }

    def ask(self, number: int, path: str) -> Any:
        with httpx.Client(trust_env=False, timeout=5.0) as http:
            return http.get(f"{self.programs[number].address}{path}").json()


def play() -> None:
    """Run the part. Raises UnexpectedError at the first deviation."""
    title("Two replicas behind nginx")
    for name in ("PostgreSQL", "nginx"):
        insist(find_program(name), f"{name} is installed (Debian: postgresql, nginx-light)")
    with ExitStack() as stack:
        replicas = stack.enter_context(running())
        stack.enter_context(replicas.clients.asking())
        share_the_checks(replicas)
        survive_a_kill(replicas)
        come_back(replicas)
        end_in_order(replicas)
        do_without_the_hub(replicas)


@contextmanager
def running() -> Iterator[Replicas]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(postgres_server())
        hub = make_hub(postgres, folder)
        servers = stack.enter_context(
            commanded_servers([0.01 + 0.01 * n for n in range(PROVIDERS)])
        )
        sections = (PROVIDER.format(name=s.name, url=s.url) for s in servers.values())
        config = CONFIG.format(interval=INTERVAL, providers="\n".join(sections))
        programs = [make_replica(folder / name, config, hub) for name in ("one", "two")]
        stack.enter_context(ended(*programs))
        for program in programs:
            program.start_serving()
        nginx = make_nginx(folder / "nginx", programs)
        stack.enter_context(ended(nginx))
        nginx.start_serving()
        say(f"PostgreSQL, two replicas and nginx answer; {PROVIDERS} providers, {INTERVAL:g} s")
        yield Replicas(
            programs=programs,
            servers=servers,
            postgres=postgres,
            clients=Clients(nginx.address),
        )


def make_hub(postgres: PostgresServer, folder: Path) -> str:
    """Set up the hub as the how-to page says; return the URL of the trackers' role."""
    owner = new_database(postgres, "status")
    told = command(
        folder, "cluster", "migrate", variables={"PROVIDER_STATUS_POSTGRES_OWNER": owner}
    )
    say(f"provider-status cluster migrate: {told.strip().splitlines()[-1]}")
    postgres.execute("CREATE ROLE status_tracker LOGIN IN ROLE provider_status_tracker")
    return postgres.url("status", "status_tracker")


def make_replica(folder: Path, config: str, hub: str) -> Program:
    folder.mkdir()
    (folder / "tracker.toml").write_text(config)
    port = lasting_port()
    return Program(
        name="serve",
        command=[COMMAND, "serve", "--port", str(port)],
        folder=folder,
        ready=f"http://127.0.0.1:{port}/readyz",
        variables={"PROVIDER_STATUS_POSTGRES": hub},
    )


def make_nginx(folder: Path, programs: Sequence[Program]) -> Program:
    """Return nginx's configuration from deploy/, on free ports."""
    folder.mkdir()
    site, port = NGINX.read_text(), lasting_port()
    for shipped, program in zip(("127.0.0.1:8001", "127.0.0.1:8002"), programs, strict=True):
        insist(shipped in site, f"{NGINX.name} names {shipped}")
        site = site.replace(shipped, program.address.removeprefix("http://"))
    site = site.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    (folder / "nginx.conf").write_text(SERVER.format(sites=site))
    path = find_program("nginx")
    assert path is not None
    return Program(
        name="nginx",
        command=[path, "-p", str(folder), "-c", "nginx.conf"],
        folder=folder,
        ready=f"http://127.0.0.1:{port}/livez",
    )


def share_the_checks(replicas: Replicas) -> None:
    """Require that one of them checks each provider once per interval."""
    wait_for("both replicas check", lambda: all(held(replicas)), TAKE_OVER)
    began = time.monotonic()
    time.sleep(QUIET_SECONDS)
    counts = replicas.checks(began, time.monotonic())
    one, two = held(replicas)
    say(f"  replica one checks {one} providers, two checks {two}; in {QUIET_SECONDS:g} s: {counts}")
    expect(one + two, PROVIDERS, "providers that are checked by one of the two")
    most = QUIET_SECONDS / (0.9 * INTERVAL) + 1
    insist(max(counts.values()) <= most, f"no provider is checked more than {most:.0f} times")
    insist(min(counts.values()) >= 1, "every provider is checked")
    replicas.clients.tell("undisturbed")


def held(replicas: Replicas) -> tuple[int, int]:
    """Return how many providers each replica checks for both."""
    return held_by(replicas, 0), held_by(replicas, 1)


def held_by(replicas: Replicas, number: int) -> int:
    """Return how many leases a replica holds; 0 if it does not answer."""
    try:
        return int(replicas.ask(number, "/api/cluster")["leases"])
    except httpx.HTTPError:
        return 0


def survive_a_kill(replicas: Replicas) -> None:
    replicas.programs[0].signal(signal.SIGKILL)
    took = until_one_holds_all(replicas, 1, TAKE_OVER)
    say(f"  replica one was killed: two checks all {PROVIDERS} providers after {took:.1f} s")
    replicas.clients.tell("after the kill")


def until_one_holds_all(replicas: Replicas, number: int, seconds: float) -> float:
    began = time.monotonic()
    wait_for("one checks all", lambda: held_by(replicas, number) == PROVIDERS, seconds)
    return time.monotonic() - began


def come_back(replicas: Replicas) -> None:
    replicas.programs[0].start_serving()
    began = time.monotonic()
    wait_for("both replicas check again", lambda: all(held(replicas)), TAKE_OVER)
    say(f"  replica one is back: it has its share after {time.monotonic() - began:.1f} s")
    replicas.clients.tell("after the return")


def end_in_order(replicas: Replicas) -> None:
    code, took = replicas.programs[1].stop()
    expect(code, 0, "the exit code after SIGTERM")
    waited = until_one_holds_all(replicas, 0, GRACEFUL)
    say(f"  replica two ended within {took:.1f} s: one checks all {waited:.1f} s later")
    replicas.clients.tell("after the end in order")


def do_without_the_hub(replicas: Replicas) -> None:
    replicas.postgres.stop()
    began = time.monotonic()
    time.sleep(AWAY_SECONDS)
    counts = replicas.checks(began, time.monotonic())
    insist(min(counts.values()) >= 1, "every provider is checked while PostgreSQL is away")
    replicas.postgres.start()
    deadline = time.monotonic() + 30.0
    while (lacks := missing(replicas)) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    expect(lacks, {}, "checks that the hub does not have, by replica")
    say(f"  PostgreSQL was away for {AWAY_SECONDS:g} s, checks went on: {counts}")
    say(f"  the hub has all {in_hub(replicas)} checks that both of them stored")
    replicas.clients.tell("without PostgreSQL")


def in_hub(replicas: Replicas, origin: str = "") -> int:
    """Return how many checks the hub has: of one database file, or of all."""
    ((count,),) = replicas.postgres.execute(IN_HUB.format(origin=origin), "status")
    return int(str(count))


def missing(replicas: Replicas) -> dict[str, int]:
    """Return how many checks each replica stored that the hub does not have, where it lacks any."""
    found = {}
    for program in replicas.programs:
        with closing(sqlite3.connect(program.folder / DATABASE)) as database:
            ((origin,),) = database.execute("SELECT origin FROM cluster_identity")
            ((stored,),) = database.execute("SELECT count(*) FROM checks WHERE origin IS NULL")
        if lacks := stored - in_hub(replicas, origin):
            found[program.folder.name] = lacks
    return found


def main() -> int:
    try:
        play()
    except (UnexpectedError, httpx.HTTPError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"integration failed: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
