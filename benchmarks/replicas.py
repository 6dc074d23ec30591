"""Two replicas of one vantage with their own PostgreSQL, for benchmarks of clusters."""

import hashlib
import sqlite3
import tempfile
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx

from tests.helpers.command_line import Served, serving
from tests.helpers.postgres import PostgresServer, new_database, postgres_server
from tests.process.test_cluster import Models, running
from tracker.cluster.migrate import migrate
from tracker.core.redaction import Secret

LEASE, INTERVAL, PROVIDERS = 5.0, 2.0, 20
LOOK_EVERY = 0.1  # between two queries whether a tracker reaches the hub


@contextmanager
def hub_server(
    name: str, *, fsync: bool = True, folder: Path | None = None
) -> Iterator[tuple[PostgresServer, str]]:
    """Run a server with a migrated hub; yield it and the URL of a tracker's role."""
    with postgres_server(fsync=fsync, folder=folder) as server:
        owner = new_database(server, name)
        migrate(Secret(owner))
        server.execute("CREATE ROLE tracker LOGIN IN ROLE provider_status_tracker")
        yield server, owner.replace("//postgres@", "//tracker@")


class Replicas:
    """Trackers of one vantage on one hub; each checks with its own key."""

    def __init__(self, stack: ExitStack, folder: Path, url: str) -> None:
        self.stack, self.folder, self.url = stack, folder, url
        self.models = stack.enter_context(running(TimedModels()))

    def start(self, name: str, **more: str) -> Served:
        """Start a tracker. ``more``: variables of its environment."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        tables = [
            f'[providers.p{n}]\nkind = "openai"\nbase_url = "{self.models.url}/p{n}/v1"\n'
            'api_key_env = "KEY"\n'
            for n in range(PROVIDERS)
        ]
        (folder / "tracker.toml").write_text(
            f"[tracker]\ndiscover = false\ninterval_seconds = {INTERVAL}\ntimeout_seconds = 2\n"
            f'[cluster]\nvantage = "eu-1"\nlease_seconds = {LEASE}\n' + "".join(tables)
        )
        environ = {"PROVIDER_STATUS_POSTGRES": self.url, "KEY": f"key-of-{name}-0123456789"}
        return self.stack.enter_context(serving(folder, **environ, **more))

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the checks in the trackers' own files, without those of other trackers."""
        found: list[tuple[Any, ...]] = []
        for file in sorted(self.folder.glob("*/provider_status.db")):
            with closing(sqlite3.connect(file)) as connection:
                query = "SELECT provider_name, checked_at_ms, outcome, response_time_ms FROM checks"
                found += connection.execute(f"{query} WHERE origin IS NULL").fetchall()
        return sorted(found)


class TimedModels(Models):
    """Records when each provider was checked, and by which tracker."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[tuple[float, str, str]] = []

    def note(self, name: str, key: str) -> None:
        self.moments.append((time.monotonic(), name, key))


Moment = tuple[float, str, str]  # steady seconds, the provider, the key that asked


def double_checks(moments: list[Moment]) -> list[tuple[Moment, Moment]]:
    """Return pairs of checks of a provider by two trackers within half an interval.

    The first of each pair is the earlier check.
    """
    last: dict[str, Moment] = {}
    found = []
    for moment in sorted(moments):
        at, name, key = moment
        before = last.get(name)
        if before is not None and before[2] != key and at - before[0] < INTERVAL / 2.0:
            found.append((before, moment))
        last[name] = moment
    return found


def doubles(moments: list[Moment]) -> int:
    """Count the checks of a provider by another tracker within half an interval."""
    return len(double_checks(moments))


@attrs.define(eq=False)
class Reach:
    """Records continuously whether a tracker says that it reaches its hub.

    looks: in steady seconds, when it was asked and when the answer was there; whether it reached
    the hub at some moment between the two.
    """

    url: str
    looks: list[tuple[float, float, bool]] = attrs.field(factory=list)
    _over: threading.Event = attrs.field(factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator["Reach"]:
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def at(self, moment: float) -> bool | None:
        """Return whether it reached the hub then; None where the looks around it say both."""
        before = bisect_right(self.looks, moment, key=lambda look: look[1]) - 1
        after = bisect_left(self.looks, moment, key=lambda look: look[0])
        told = {reached for *_, reached in self.looks[max(before, 0) : after + 1]}
        return None if len(told) != 1 else told.pop()

    def _look(self) -> None:
        with httpx.Client(trust_env=False, timeout=30.0) as http:
            while not self._over.wait(LOOK_EVERY):
                asked = time.monotonic()
                told = http.get(f"{self.url}/api/cluster").json()
                self.looks.append((asked, time.monotonic(), bool(told["hub_up"])))


def broken_promises(moments: list[Moment], reach: Mapping[str, Reach]) -> tuple[int, int]:
    """Count the double checks made while both trackers reached the hub, and those undecided.

    A tracker that is cut off makes all checks, as documented. Undecided: nobody was cut off for
    sure, and one lost or found the hub between the looks around its check. reach: by the name of
    the tracker.
    """
    told = [{reach[_tracker(key)].at(at) for at, _, key in pair} for pair in double_checks(moments)]
    return sum(each == {True} for each in told), sum(
        None in each and False not in each for each in told
    )


def _tracker(key: str) -> str:
    return key.removeprefix("key-of-").split("-")[0]


@contextmanager
def replicas() -> Iterator[tuple[PostgresServer, Replicas]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        hub_server("replicas", fsync=False) as (server, url),
        ExitStack() as stack,
    ):
        yield server, Replicas(stack, Path(folder), url)


def digest(rows: Sequence[tuple[object, ...]]) -> str:
    """Return the SHA-256 of these rows, in whatever order they came."""
    return hashlib.sha256(repr(sorted(rows, key=repr)).encode()).hexdigest()


def leases(served: Served) -> int:
    return int(httpx.get(f"{served.url}/api/cluster", timeout=30.0).json()["leases"])


def shared(one: Served, two: Served) -> bool:
    """Return whether both reach the hub and have half of the leases each."""
    told = [httpx.get(f"{each.url}/api/cluster", timeout=30.0).json() for each in (one, two)]
    half = PROVIDERS // 2
    return all(each["hub_up"] and not each["alone"] and each["leases"] == half for each in told)


def until(condition: Callable[[], bool], seconds: float = 90.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "waited too long"
        time.sleep(0.05)
    return time.monotonic() - began
