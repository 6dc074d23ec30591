"""Real trackers and a real PostgreSQL: replicas share the checks and take each other's place."""

import json
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import attrs
import httpx
import pytest

from tests.helpers.command_line import Served, ran, serving
from tests.helpers.plain_http import PLAIN
from tests.helpers.postgres import PostgresServer, new_database, new_files, postgres_server
from tests.helpers.waiting import block_until
from tracker.cluster.migrate import migrate
from tracker.core.redaction import Secret

pytestmark = pytest.mark.needs_program("PostgreSQL")

NAMES = ("one", "two", "three", "four")
CANARY = "canary-key-0123456789abcdef"


class Models(ThreadingHTTPServer):
    """Model lists at /NAME/v1/models; ``broken``: (name, key) pairs for which they fail."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = Counter[str]()
        self.broken: set[tuple[str, str]] = set()

    def note(self, name: str, key: str) -> None:
        """Record when a provider was checked, and by which tracker."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        models = self.server
        assert isinstance(models, Models)
        name = self.path.split("/")[1]
        key = self.headers["Authorization"].removeprefix("Bearer ")
        models.asked[name] += 1
        models.note(name, key)
        broken = (name, key) in models.broken
        body = json.dumps({"object": "list", "data": [{"id": f"m-{name}", "object": "model"}]})
        self.send_response(500 if broken else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"" if broken else body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@attrs.define
class Trackers:
    """Starts trackers on one hub, each in a folder of its own."""

    folder: Path
    models: Models
    postgres: PostgresServer
    url: str
    stack: ExitStack

    def start(self, name: str, vantage: str = "eu-1", key: str = CANARY) -> Served:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        tables = [
            f'[providers.{each}]\nkind = "openai"\nbase_url = "{self.models.url}/{each}/v1"\n'
            'api_key_env = "KEY"\n'
            for each in NAMES
        ]
        (folder / "tracker.toml").write_text(
            "[tracker]\ndiscover = false\ninterval_seconds = 2\ntimeout_seconds = 2\n"
            "recheck_seconds = [0.2]\n"
            f'[cluster]\nvantage = "{vantage}"\nlease_seconds = 3\n' + "".join(tables)
        )
        environ = {"PROVIDER_STATUS_POSTGRES": self.url, "KEY": key}
        return self.stack.enter_context(serving(folder, **environ))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(files=new_files(tmp_path_factory)) as server:
        yield server


@pytest.fixture
def trackers(tmp_path: Path, server: PostgresServer) -> Iterator[Trackers]:
    name = f"hub{len(server.execute('SELECT 1 FROM pg_database'))}"
    owner = new_database(server, name)
    migrate(Secret(owner))
    server.execute(
        "DO $$ BEGIN CREATE ROLE tracker LOGIN IN ROLE provider_status_tracker; "
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    url = owner.replace("//postgres@", "//tracker@")
    with ExitStack() as stack, running(Models()) as models:
        yield Trackers(tmp_path, models, server, url, stack)
        stack.close()  # the trackers end before what they ask


M = TypeVar("M", bound=Models)


@contextmanager
def running(models: M) -> Iterator[M]:
    thread = threading.Thread(target=models.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield models
    finally:
        models.shutdown()
        models.server_close()
        thread.join()


def ask(served: Served, path: str) -> Any:
    return httpx.get(f"{served.url}{path}", timeout=20.0, verify=PLAIN).json()


def leases(served: Served) -> int:
    return int(ask(served, "/api/cluster")["leases"])


def provider(served: Served, name: str) -> Any:
    return ask(served, f"/api/providers/status/{name}")


def test_replicas_share_the_checks_know_the_same_and_send_no_key(trackers: Trackers) -> None:
    one, two = trackers.start("a"), trackers.start("b")
    block_until(lambda: (leases(one), leases(two)) == (2, 2))
    block_until(lambda: all(provider(two, name)["checks_24h"] >= 3 for name in NAMES))
    for each in (one, two):
        block_until(lambda each=each: len(ask(each, "/api/cluster")["members"]) == 2)  # type: ignore[misc]
    for name in NAMES:
        assert provider(one, name)["status"] == provider(two, name)["status"] == "healthy"
    assert ask(two, "/api/providers/models")["models"].keys() == {f"m-{name}" for name in NAMES}
    assert (ask(one, "/readyz")["ok"], ask(two, "/readyz")["ok"]) == (True, True)
    environ = {"PROVIDER_STATUS_POSTGRES": trackers.url, "KEY": CANARY}
    shown = ran(trackers.folder / "a", "cluster", "status", "--url", one.url, **environ)
    assert shown.code == 0
    assert shown.out.count("eu-1") >= 2, shown.out
    for each in (one, two):
        block_until(lambda each=each: ask(each, "/api/cluster")["lag"] == 0)  # type: ignore[misc]
        assert CANARY not in each.log.read_text()
    assert CANARY not in everything_in(trackers.postgres, trackers.url.rpartition("/")[2])


def everything_in(postgres: PostgresServer, database: str) -> str:
    tables = postgres.execute(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r' "
        "AND relnamespace = 'provider_status'::regnamespace",
        database,
    )
    rows = [postgres.execute(f"SELECT t::text FROM {table} t", database) for (table,) in tables]
    assert any(rows)
    return str(rows)


def test_killed_and_stopped_replicas_are_replaced(trackers: Trackers) -> None:
    one, two = trackers.start("a"), trackers.start("b")
    block_until(lambda: (leases(one), leases(two)) == (2, 2))
    one.process.send_signal(signal.SIGKILL)
    block_until(lambda: leases(two) == 4)
    assert ask(two, "/api/cluster")["takeovers"] == 1
    again = trackers.start("a")
    block_until(lambda: (leases(again), leases(two)) == (2, 2))
    assert two.ended().code == 0
    block_until(lambda: leases(again) == 4)
    assert ask(again, "/api/cluster")["takeovers"] == 0, "it said that it left"


def test_a_restarted_replica_answers_at_once_with_the_states_of_the_other(
    trackers: Trackers,
) -> None:
    """A load balancer sends it clients as soon as it accepts them; its own news are old by then."""
    one, two = trackers.start("a"), trackers.start("b")
    block_until(lambda: ask(one, "/api/providers/best")["best_provider"] is not None)
    block_until(lambda: all(provider(two, name)["checks_24h"] >= 1 for name in NAMES))
    one.process.kill()
    one.process.wait()
    with (
        closing(sqlite3.connect(trackers.folder / "a" / "provider_status.db")) as database,
        database,
    ):
        database.execute("UPDATE checks SET checked_at_ms = checked_at_ms - 3600000")
    again = trackers.start("a")
    assert ask(again, "/api/providers/best")["best_provider"] is not None
    assert "continuing as a new database file" not in again.log.read_text()


def test_without_the_hub_checks_continue_and_are_sent_later(trackers: Trackers) -> None:
    one = trackers.start("a")
    block_until(lambda: leases(one) == 4)
    trackers.postgres.stop(signal.SIGKILL)
    try:
        block_until(lambda: not ask(one, "/api/cluster")["hub_up"])
        asked = trackers.models.asked["one"]
        block_until(lambda: trackers.models.asked["one"] >= asked + 2)
        problems = ask(one, "/api/providers/health")["problems"]
        assert any("the cluster's hub cannot be used: " in told for told in problems)
        block_until(lambda: ask(one, "/api/cluster")["lag"] > 0)
    finally:
        trackers.postgres.start()
    block_until(lambda: leases(one) == 4)
    count, hub = "SELECT count(*) FROM checks", trackers.url.rpartition("/")[2]
    with closing(sqlite3.connect(trackers.folder / "a" / "provider_status.db")) as file:

        def has_all() -> bool:
            """Count the hub's first: were one missing there, it could never be as many."""
            ((shipped,),) = trackers.postgres.execute(
                count.replace("checks", "provider_status.checks"), hub
            )
            return bool(file.execute(count).fetchall() == [(shipped,)])

        block_until(has_all)
        assert one.ended().code == 0
        ((stored,),) = file.execute(count).fetchall()
    under_way_at_the_end = sum(trackers.models.asked.values()) - stored
    assert 0 <= under_way_at_the_end <= len(NAMES)


def test_months_of_history_come_from_the_hub_and_nothing_waits_for_it(trackers: Trackers) -> None:
    one = trackers.start("a")
    block_until(lambda: leases(one) == 4 and ask(one, "/api/cluster")["lag"] == 0)
    block_until(lambda: provider(one, "one")["checks_24h"] > 0)
    for table in ("hours", "days"):
        trackers.postgres.execute(
            f"INSERT INTO provider_status.{table} SELECT v.id, p.id, "
            "date_trunc('day', now(), 'UTC') - n * interval '1 day', 288, 280, 8, 28000, "
            """'{"95": 280}' FROM provider_status.vantages v, provider_status.providers p, """
            "generate_series(1, 89) n WHERE p.name = 'one'",
            trackers.url.rpartition("/")[2],
        )

    def months(days: int) -> tuple[Any, list[Any]]:
        found = ask(one, f"/api/cluster/history/one?days={days}")
        return found["hub"], found["providers"]["one"]

    assert len(months(30)[1]) in {30, 31}, "one more before six o'clock"
    assert len(months(90)[1]) == 90
    hub, points = months(90)
    assert (hub, points[0]["checks"]) == ({"up": True, "reason": ""}, 288)
    assert (points[0]["uptime_percent"], points[0]["latency_ms"]["avg"]) == (97.22, 100.0)
    assert points[-1]["checks"] > 0, "today is our own until the hub has counted it"
    cells = ask(one, "/dashboard/data/strips?hours=2160&name=one&name=two")
    assert (cells["away"], len(cells["providers"]["one"]["cells"])) == ("", 90)
    assert len(cells["providers"]["two"]["cells"]) == 1
    trackers.postgres.stop(signal.SIGKILL)
    try:
        block_until(lambda: not ask(one, "/api/cluster")["hub_up"])
        hub, points = months(90)
        assert (hub["up"], len(points)) == (False, 1)
        assert hub["reason"]
        strips = "/dashboard/data/strips?hours=720&name=one"  # the reason changes with each attempt
        block_until(lambda: ask(one, strips)["away"] == months(90)[0]["reason"] != "")
    finally:
        trackers.postgres.start()
    block_until(lambda: months(90)[0]["up"])
    assert len(months(90)[1]) == 90


def test_one_of_three_vantages_sees_it_down(trackers: Trackers) -> None:
    keys = {"eu-1": CANARY, "us-1": CANARY + "2", "ap-1": CANARY + "3"}
    served = {name: trackers.start(name, vantage=name, key=key) for name, key in keys.items()}
    trackers.models.broken.add(("one", keys["us-1"]))
    block_until(lambda: provider(served["us-1"], "one")["status"] == "down")
    told = "us-1 (1 of 3)"
    block_until(lambda: all(told in provider(s, "one")["cluster_reason"] for s in served.values()))
    for each in served.values():
        assert provider(each, "one")["cluster_status"] == "degraded"
    assert provider(served["eu-1"], "one")["status"] == "healthy"
    url = f"{served['eu-1'].url}/api/providers/best?vantage="
    block_until(lambda: httpx.get(f"{url}us-1", verify=PLAIN).status_code == 200)
    theirs = httpx.get(f"{url}us-1", verify=PLAIN)
    assert float(theirs.headers["Age"]) >= 0.0
    block_until(lambda: "one" not in _ranked(httpx.get(f"{url}us-1", verify=PLAIN).json()))
    assert "one" in _ranked(ask(served["eu-1"], "/api/providers/best"))
    assert httpx.get(f"{url}nowhere", verify=PLAIN).status_code == 404
    trackers.models.broken.add(("one", keys["ap-1"]))
    block_until(lambda: provider(served["eu-1"], "one")["cluster_status"] == "down")
    assert ask(served["eu-1"], "/api/providers/status/one")["usable"] is True
    trackers.models.broken.update((name, keys["us-1"]) for name in NAMES)
    suspect = {"name": "us-1", "suspect": True}
    block_until(
        lambda: (
            suspect.items()
            <= {
                key: value
                for view in provider(served["eu-1"], "two")["vantages"]
                for key, value in view.items()
                if view["name"] == "us-1"
            }.items()
        )
    )
    assert provider(served["eu-1"], "two")["cluster_status"] == "healthy"


def test_a_vantage_that_sees_everything_down_is_one_event(trackers: Trackers) -> None:
    keys = {"eu-1": CANARY, "us-1": CANARY + "2", "ap-1": CANARY + "3"}
    served = {name: trackers.start(name, vantage=name, key=key) for name, key in keys.items()}

    def told(kind: str) -> list[tuple[object, ...]]:
        return trackers.postgres.execute(
            f"SELECT key FROM provider_status.events WHERE kind = '{kind}' ORDER BY key",
            trackers.url.rpartition("/")[2],
        )

    def views(of: str) -> list[Any]:
        return list(ask(served[of], "/api/providers/status")["providers"].values())

    block_until(lambda: all(len(each["vantages"]) == 3 for of in keys for each in views(of)))
    block_until(lambda: len(told("status")) == len(NAMES))
    before = told("status")
    trackers.models.broken.update((name, keys["us-1"]) for name in NAMES)
    block_until(lambda: {each["status"] for each in views("us-1")} == {"down"})
    block_until(lambda: told("vantage") == [("@us-1:1",)])
    block_until(
        lambda: {each["cluster_status"] for of in keys for each in views(of)} == {"healthy"}
    )
    assert told("status") == before, "none of a provider"
    best = httpx.get(f"{served['us-1'].url}/api/providers/best")
    assert best.json()["best_provider"] is None, "its own ranking is what it sees itself"
    trackers.models.broken.clear()
    block_until(lambda: told("vantage") == [("@us-1:1",), ("@us-1:2",)])
    block_until(lambda: {each["status"] for each in views("us-1")} == {"healthy"})
    block_until(
        lambda: {each["cluster_status"] for of in keys for each in views(of)} == {"healthy"}
    )
    assert told("status") == before, "nor when it sees one after the other well again"
    assert told("incident") == []
    for each in served.values():
        assert ask(each, "/api/incidents")["incidents"] == []


def _ranked(best: Any) -> list[str]:
    return [line["provider_name"] for line in best["ranking"]]
