"""Faults of the hub under two real replicas: what a cluster must survive, one row each.

    python -m benchmarks.cluster restart storm limit silence failover full skew

The trackers reach PostgreSQL through a relay that can fall silent or lead elsewhere. In every row:
checks go on, /best answers, and at the end each check of the trackers' own files is in the hub.
A tracker that is cut off checks for itself, as promised; the checks that both made while both said
that they reach the hub are counted apart.
"""

import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import attrs
import httpx

from benchmarks.replicas import (
    LEASE,
    Reach,
    Replicas,
    broken_promises,
    digest,
    doubles,
    hub_server,
    shared,
    until,
)
from tests.helpers.command_line import Served
from tests.helpers.ports import lasting_port
from tests.helpers.postgres import PostgresServer, make_folder

ROLE = "tracker"
FAULT_SECONDS = 2.0 * LEASE
ASK_EVERY = 0.1
PROMPT_SECONDS = 1.0  # a busy machine; an answer that waits for the hub takes longer


@attrs.define(eq=False)
class Relay:
    """Carries bytes between trackers and ``target`` (a port); silent: keeps what it receives."""

    target: int
    silent: bool = False
    listener: socket.socket = attrs.field(init=False)
    _ends: set[socket.socket] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def lead_to(self, port: int) -> None:
        """Cut all connections; new ones go there."""
        self.target = port
        self.cut()

    def cut(self) -> None:
        for end in tuple(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def running(self) -> Iterator["Relay"]:
        threading.Thread(target=self._accept, daemon=True).start()
        with closing(self.listener):
            yield self
            self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with closing(client), suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self.target))
            with closing(server), selectors.DefaultSelector() as ready:
                ready.register(client, selectors.EVENT_READ, server)
                ready.register(server, selectors.EVENT_READ, client)
                self._ends |= {client, server}
                try:
                    while self._pass_on(ready):
                        pass
                finally:
                    self._ends -= {client, server}

    def _pass_on(self, ready: selectors.BaseSelector) -> bool:
        if self.silent:
            time.sleep(0.05)
            return True
        for key, _ in ready.select(0.05):
            source, sink = key.fileobj, key.data
            assert isinstance(source, socket.socket)
            if not (data := source.recv(65_536)):
                return False
            sink.sendall(data)
        return True


@attrs.define(eq=False)
class Asker:
    """Asks a tracker for the best provider all the time."""

    url: str
    slowest: float = 0.0
    missed: int = 0
    _over: threading.Event = attrs.field(factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator["Asker"]:
        thread = threading.Thread(target=self._ask)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=30.0) as http:
            while not self._over.wait(ASK_EVERY):
                began = time.monotonic()
                answer = http.get(f"{self.url}/api/providers/best")
                self.missed += answer.status_code != 200
                self.slowest = max(self.slowest, time.monotonic() - began)


@attrs.frozen(kw_only=True)
class Stage:
    """Two replicas that share their checks, and all that can be done to their hub."""

    server: PostgresServer
    relay: Relay
    trackers: Replicas
    one: Served
    two: Served

    def make_worse(self, what: str, fault: Callable[[], None], mend: Callable[[], None]) -> None:
        """Bring the fault about, wait, mend it, and print what came of it."""
        moments = self.trackers.models.moments
        moments.clear()
        with (
            Asker(self.one.url).running() as asker,
            Reach(self.one.url).running() as a,
            Reach(self.two.url).running() as b,
        ):
            fault()
            time.sleep(FAULT_SECONDS)
            mend()
            took = until(lambda: shared(self.one, self.two))
            during = moments.copy()
            moments.clear()
            time.sleep(FAULT_SECONDS)
            after = moments.copy()
        broken, undecided = broken_promises(during + after, {"a": a, "b": b})
        self.one.ended()
        self.two.ended()
        rows, late = self.trackers.rows(), len(self.missing())
        # What an end in order had no time for is shipped by the next start.
        self.trackers.start("a")
        self.trackers.start("b")
        until(lambda: not self.missing().intersection(rows))
        same = digest(self.kept(rows)) == digest(rows)
        print(
            f"{what}: {len(during)} checks, {doubles(during)} made twice; afterwards {len(after)}, "
            f"{doubles(after)} twice; in all {broken} twice though both reached the hub, "
            f"{undecided} as one lost or found it, "
            f"{doubles(during + after) - broken - undecided} while one was cut off; "
            f"shared again after {took:.1f} s; /best at most "
            f"{asker.slowest:.2f} s, {asker.missed} missed; all {len(rows)} checks in the hub, "
            f"{late} after a restart, digests equal: {same}",
            flush=True,
        )
        assert during, "no check was made during the fault"
        assert not asker.missed, "/best had no answer"

    def missing(self) -> set[tuple[object, ...]]:
        """Checks of the trackers' own files that are not in the hub."""
        return set(self.trackers.rows()).difference(self._in_hub())

    def kept(self, rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
        """What the hub has of these rows, as often as it has them, and what no file has."""
        kept = self._in_hub()
        later = set(self.trackers.rows()).difference(rows)  # made after the restart
        return [row for row in kept if row not in later]

    def _in_hub(self) -> list[tuple[object, ...]]:
        return self.server.execute(
            "SELECT p.name, (extract(epoch FROM c.at) * 1000)::bigint, c.outcome, "
            "c.response_time_ms FROM provider_status.checks c "
            "JOIN provider_status.providers p ON p.id = c.provider",
            "replicas",
        )


@contextmanager
def stage(*, folder: Path | None = None, **more: str) -> Iterator[Stage]:
    """``more``: variables of the second replica. folder: of the hub's data."""
    with ExitStack() as stack:
        files = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server, url = stack.enter_context(hub_server("replicas", fsync=False, folder=folder))
        relay = stack.enter_context(Relay(server.port).running())
        trackers = Replicas(stack, files, url.replace(f":{server.port}/", f":{relay.port}/"))
        one, two = trackers.start("a"), trackers.start("b", **more)
        until(lambda: shared(one, two))
        trackers.models.moments.clear()
        yield Stage(server=server, relay=relay, trackers=trackers, one=one, two=two)


def restart(_: bool) -> None:
    """PostgreSQL restarts in order, again and again."""
    with stage() as at:

        def often() -> None:
            for _ in range(3):
                at.server.restart()
                time.sleep(1.0)

        at.make_worse("restart: 3 times", often, lambda: None)


def storm(_: bool) -> None:
    """Every connection of the trackers is terminated, twice a second."""
    with stage() as at:

        def blow() -> None:
            for _ in range(int(2 * FAULT_SECONDS)):
                at.server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    f"WHERE usename = '{ROLE}'"
                )
                time.sleep(0.5)

        at.make_worse(f"storm: {int(2 * FAULT_SECONDS)} times terminated", blow, lambda: None)


def limit(_: bool) -> None:
    """The server has no connection left for them."""
    with stage() as at:

        def refuse() -> None:
            at.server.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
            at.relay.cut()

        def allow() -> None:
            at.server.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")

        at.make_worse("limit: no connection left", refuse, allow)


def silence(_: bool) -> None:
    """The network swallows everything: no answer, no refusal."""
    with stage() as at:

        def fall_silent() -> None:
            at.relay.silent = True

        def speak() -> None:
            at.relay.silent = False
            at.relay.cut()

        at.make_worse("silence: a black hole", fall_silent, speak)


def failover(_: bool) -> None:
    """A standby is promoted that never got the last rows which the primary had acknowledged."""
    with stage() as at:
        standby = at.server.standby(lasting_port())
        standby.start()
        try:
            standby.execute("SELECT pg_wal_replay_pause()")
            time.sleep(LEASE)  # rows that the primary takes and the standby will not have

            def promote() -> None:
                at.server.stop()
                standby.execute("SELECT pg_promote(false)")
                until(lambda: standby.execute("SELECT pg_is_in_recovery()") == [(False,)])
                at.relay.lead_to(standby.port)

            moved = attrs.evolve(at, server=standby)
            moved.make_worse("failover: rows forgotten", promote, lambda: None)
        finally:
            standby.stop()
            shutil.rmtree(standby.folder, ignore_errors=True)


def full(_: bool) -> None:
    """The hub's disk is full: 160 MB of memory that only root can mount."""
    if os.geteuid() != 0:
        print("full: left out, only root can mount a small disk")
        return
    folder = make_folder()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=777", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        with stage(folder=folder) as at:
            ballast = folder / "ballast"

            def fill() -> None:
                with ballast.open("wb") as file, suppress(OSError):
                    while True:
                        file.write(bytes(1 << 16))

            at.make_worse("full: the disk of the hub", fill, ballast.unlink)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def skew(_: bool) -> None:
    """The clock of one replica is two hours ahead, then two hours behind."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        print("skew: left out, libfaketime is not installed (Debian: apt-get install libfaketime)")
        return
    for offset, what in (("+2h", "two hours ahead"), ("-2h", "two hours behind")):
        wrong = {
            "LD_PRELOAD": str(library),
            "FAKETIME": offset,
            "DONT_FAKE_MONOTONIC": "1",
            # Otherwise its waits with a time limit end at once, and threads that wait for Python's
            # lock use up the processor: five times the CPU time of a replica without it.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }
        with stage(**wrong) as at:
            time.sleep(FAULT_SECONDS)  # several checks of each, and more than makes one stale
            told = httpx.get(f"{at.two.url}/api/providers/health", timeout=30.0).json()
            print(f"skew: health says {told['problems']}")
            status = httpx.get(f"{at.two.url}/api/providers/status", timeout=30.0).json()
            seen = [each["status"] for each in status["providers"].values()]
            print(f"skew: {what}, {seen.count('unknown')} of {len(seen)} providers unknown")
            at.make_worse(f"skew: {what}", lambda: None, lambda: None)


RUNS: dict[str, Callable[[bool], None]] = {
    "restart": restart,
    "storm": storm,
    "limit": limit,
    "silence": silence,
    "failover": failover,
    "full": full,
    "skew": skew,
}
