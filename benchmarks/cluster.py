"""A cluster under load and under faults, on a PostgreSQL of its own.

    python -m benchmarks.cluster [NAME …] [--quick] [--write docs/cluster.md]

model: random faults in virtual time. The others use real processes and a real server: ingest,
replay and news: rates of shipping, and the way of a check to another tracker; kill: take-overs
after kill -9; freeze: checks made twice; outage: whether every check of the trackers' files is in
the hub after it was killed; events: hundreds of changes while heralds are killed; and what
benchmarks.cluster_faults does to the hub.
"""

import argparse
import os
import signal
import statistics
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import trio

from benchmarks import cluster_faults, page
from benchmarks.cluster_events import events
from benchmarks.cluster_replay import Lag, replay
from benchmarks.replicas import (
    LEASE,
    PROVIDERS,
    digest,
    doubles,
    hub_server,
    leases,
    replicas,
    shared,
    until,
)
from benchmarks.torture.report import circumstances
from property_tests.lease_model import CONTROLS, runs_with_doubles
from tests.helpers.postgres import PostgresServer
from tracker.cluster.hub import Profile
from tracker.cluster.parcels import Parcel
from tracker.cluster.postgres import PostgresHub
from tracker.core.records import CheckRow
from tracker.core.redaction import Secret
from tracker.runtime.garbage_collection import tune_garbage_collector
from tracker.runtime.thread_switching import switch_threads_often

ORIGIN = "aaaaaaaa-0000-4000-8000-000000000000"
SIBLING = "bbbbbbbb-0000-4000-8000-000000000000"


def model(quick: bool) -> None:
    runs = 500 if quick else 10_000
    found = runs_with_doubles(range(runs))
    print(f"model: {runs} runs of 90 s in virtual time, two believers in {len(found)}")
    for control in CONTROLS:
        tried = 150 if quick else 2_000
        print(
            f"model: control {control}: caught in {len(runs_with_doubles(range(tried), control))}"
        )


def ingest(quick: bool) -> None:
    rows = 50_000 if quick else 400_000
    with hub_server("ingest") as (server, url):
        hub = PostgresHub(Secret(url))
        hub.open_origin(Profile(vantage="eu-1", origin=ORIGIN), "file", 0)
        for batch in (1_000, 5_000):
            origin = f"{batch:08d}-0000-4000-8000-000000000000"
            hub.open_origin(Profile(vantage="eu-1", origin=origin), "file", 0)
            parcels = [_parcel(origin, head, batch) for head in range(0, rows, batch)]
            began = _busy_seconds(server)
            rate = _rate(hub, parcels, rows)
            busy = rows / (_busy_seconds(server) - began)
            print(
                f"ingest: new rows, batches of {batch}: {rate:,.0f}/s; {busy:,.0f} in a second of "
                "CPU time, ours and PostgreSQL's"
            )
        lag = trio.run(_loop_lag, hub, [_parcel(ORIGIN, h, 5_000) for h in range(0, rows, 5_000)])
        print(f"ingest: loop lag meanwhile {lag}")
        hub.close()


def _rate(hub: PostgresHub, parcels: list[Parcel], rows: int) -> float:
    began = time.perf_counter()
    for parcel in parcels:
        assert hub.ship(parcel).accepted
    return rows / (time.perf_counter() - began)


def _busy_seconds(server: PostgresServer) -> float:
    """Return the CPU seconds of this thread and of the trackers' backends, exact to 10 ms."""
    pids = server.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'tracker'")
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for (pid,) in pids]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in stats)
    return time.thread_time() + ticks / os.sysconf("SC_CLK_TCK")


async def _loop_lag(hub: PostgresHub, parcels: list[Parcel]) -> Lag:
    """How late the event loop is while a thread ships."""
    lag = Lag()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lag.watch)
        for parcel in parcels:
            await trio.to_thread.run_sync(hub.ship, parcel)
        nursery.cancel_scope.cancel()
    return lag


def _parcel(origin: str, head: int, size: int) -> Parcel:
    at = datetime.now(UTC)
    rows = [_row(head + n, at) for n in range(1, size + 1)]
    return Parcel(origin=origin, head=head, last=head + size, rows=rows)


def _row(seq: int, at: datetime) -> CheckRow:
    return CheckRow(
        provider=f"provider-{seq % 1000}",
        at=at,
        seq=seq,
        model=None,
        status="healthy",
        outcome="ok",
        response_time_ms=123.4,
        ttft_ms=None,
        interval_seconds=300.0,
        http_status=200,
        error_message="",
        consecutive_failures=0,
        rate_limit_percent=1.0,
        completions=0,
    )


def news(quick: bool) -> None:
    """A check's way through the hub: 200 a second, shipped at most ten times a second."""
    with hub_server("news") as (_, url):
        for what, waits in (("notified", True), ("polling every second", False)):
            found = trio.run(_news, url, 5.0 if quick else 20.0, waits)
            cuts = statistics.quantiles(found, n=100)
            print(f"news: {what}: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms ({len(found)})")


async def _news(url: str, seconds: float, waits: bool) -> list[float]:
    sender, reader = PostgresHub(Secret(url)), PostgresHub(Secret(url))
    origin = f"{int(waits):08d}-0000-4000-8000-000000000000"
    sender.open_origin(Profile(vantage="eu-1", origin=origin), "file", 0)
    took: list[float] = []

    async def read() -> None:
        cursors: dict[str, int] = {}
        while True:
            if waits:
                await trio.to_thread.run_sync(reader.listen, 1.0)
            else:
                await trio.sleep(1.0)
            found = await trio.to_thread.run_sync(reader.news, "eu-1", SIBLING, cursors, 5_000)
            cursors, now = dict(found.cursors), datetime.now(UTC)
            rows = [row for each in found.checks if each.origin == origin for row in each.rows]
            took.extend((now - row.at).total_seconds() * 1000.0 for row in rows)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        head, end = 0, trio.current_time() + seconds
        while trio.current_time() < end:
            rows: list[CheckRow] = []
            gap = trio.current_time() + 0.1
            while trio.current_time() < gap:
                rows.append(_row(head + len(rows) + 1, datetime.now(UTC)))
                await trio.sleep(0.005)
            last = head + len(rows)
            parcel = Parcel(origin=origin, head=head, last=last, rows=rows)
            await trio.to_thread.run_sync(sender.ship, parcel)
            head = last
        await trio.sleep(1.5)
        nursery.cancel_scope.cancel()
    sender.close()
    reader.close()
    return took


def kill(quick: bool) -> None:
    with replicas() as (_, trackers):
        one, two = trackers.start("a"), trackers.start("b")
        took, ended = [], []
        for _ in range(3 if quick else 20):
            until(partial(shared, one, two))
            one.process.kill()
            took.append(until(lambda: leases(two) == PROVIDERS))
            one = trackers.start("a")
        for _ in range(1 if quick else 5):
            until(partial(shared, one, two))
            two.process.send_signal(signal.SIGTERM)
            ended.append(until(lambda: leases(one) == PROVIDERS))
            log = two.log.read_text()
            if ended[-1] > 2.0 * LEASE / 5.0:
                print(f"kill: after SIGTERM {ended[-1]:.1f} s; its log ends {log[-300:]}")
            two.process.wait()
            two = trackers.start("b")
        promised = LEASE + 2.0 * LEASE / 5.0
        within = sum(each <= promised for each in took)
        print(
            f"kill -9: taken over in {statistics.median(took):.1f} s (median), {max(took):.1f} "
            f"(worst); {within} of {len(took)} within {promised:.1f} s; "
            f"after SIGTERM {statistics.median(ended):.1f} s (median), {max(ended):.1f} (worst of "
            f"{len(ended)})"
        )


def freeze(quick: bool) -> None:
    with replicas() as (_, trackers):
        one, two = trackers.start("a"), trackers.start("b")
        until(partial(shared, one, two))
        trackers.models.moments.clear()
        rounds = 2 if quick else 6
        for _ in range(rounds):
            one.process.send_signal(signal.SIGSTOP)
            until(lambda: leases(two) == PROVIDERS)
            time.sleep(LEASE)
            one.process.send_signal(signal.SIGCONT)
            until(partial(shared, one, two))
        moments = trackers.models.moments
        print(f"freeze: {rounds} times, {len(moments)} checks, {doubles(moments)} made twice")


def outage(quick: bool) -> None:
    with replicas() as (server, trackers):
        one, two = trackers.start("a"), trackers.start("b")
        until(partial(shared, one, two))
        for _ in range(1 if quick else 3):
            server.stop(signal.SIGKILL)
            time.sleep(LEASE)
            one.process.kill()
            time.sleep(LEASE)
            server.start()
            one = trackers.start("a")
            until(partial(shared, one, two))
        one.ended()
        two.ended()
        ours = trackers.rows()
        late = set(ours).difference(_checks_in(server))
        if late:  # what an end in order had no time for is shipped by the next start
            trackers.start("a")
            trackers.start("b")
            until(lambda: not late.difference(_checks_in(server)))
        kept = _checks_in(server)
        later = set(trackers.rows()).difference(ours)
        theirs = [row for row in kept if row not in later]
        print(
            f"outage: {len(ours)} checks in files, {len(theirs)} in the hub, {len(late)} after a "
            f"restart, equal: {digest(ours) == digest(theirs)}"
        )


def _checks_in(server: PostgresServer) -> list[tuple[object, ...]]:
    return server.execute(
        "SELECT p.name, (extract(epoch FROM c.at) * 1000)::bigint, c.outcome, "
        "c.response_time_ms FROM provider_status.checks c "
        "JOIN provider_status.providers p ON p.id = c.provider",
        "replicas",
    )


RUNS = {
    "model": model,
    "ingest": ingest,
    "replay": replay,
    "news": news,
    "kill": kill,
    "freeze": freeze,
    "outage": outage,
    "events": events,
    **cluster_faults.RUNS,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    parser.add_argument("--quick", action="store_true", help="the short form of everything")
    parser.add_argument("--write", type=Path, help="a page with a part for what each one prints")
    given = parser.parse_args()
    switch_threads_often()  # as serve does
    tune_garbage_collector()
    for name in given.names or RUNS:
        told = conditions()
        with page.heard() as printed:
            RUNS[name](given.quick)
        if given.write is not None:
            page.fill(given.write, f"cluster {name}", f"{told}\n{printed.getvalue().strip()}")


def conditions() -> str:
    """Say of which version the figures are, when they were made, and how busy the machine was."""
    found = circumstances(0.0)
    return (
        f"commit {found['commit']}, {found['machine']}, Python {found['python']}, "
        f"load {os.getloadavg()[0]:.1f} at the start, {found['ended']}"
    )


if __name__ == "__main__":
    main()
