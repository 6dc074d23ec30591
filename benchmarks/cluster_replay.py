"""How soon a tracker that was cut off has shipped what its file holds, and what that costs it."""

import statistics
import tempfile
import time
from pathlib import Path

import trio

from benchmarks.replicas import hub_server
from tests.helpers.store_records import check
from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Profile
from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.membership import Membership
from tracker.cluster.postgres import PostgresHub
from tracker.cluster.shipper import Present, Shipper
from tracker.core.clock import utc_now
from tracker.core.redaction import Secret
from tracker.store import Store, open_store

ROWS_AT_ONCE = 1_000
LOOK_EVERY = 0.005  # seconds


def replay(quick: bool) -> None:
    """The real shipper on a real file and hub, and the event loop beside it."""
    rows = 50_000 if quick else 200_000
    with hub_server("replay") as (_, url), tempfile.TemporaryDirectory() as folder:
        trio.run(_replay, Secret(url), Path(folder), rows)


async def _replay(url: Secret, folder: Path, rows: int) -> None:
    hub = PostgresHub(url)
    async with open_store(str(folder / "file.db")) as store:
        for _ in range(0, rows, ROWS_AT_ONCE):
            await store.write([check(f"provider-{n}") for n in range(ROWS_AT_ONCE)])
        shipper = _shipper(hub, store)
        await shipper.keeper.turn()
        idle: list[float] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_lag, idle)
            await trio.sleep(2.0)
            nursery.cancel_scope.cancel()
        late: list[float] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_lag, late)
            began, busy = time.perf_counter(), time.process_time()
            while await shipper.ship():
                pass
            took, busy = time.perf_counter() - began, time.process_time() - busy
            nursery.cancel_scope.cancel()
    hub.close()
    assert shipper.shipped == rows, "each once"
    print(
        f"replay: {rows} rows of a file: {rows / took:,.0f}/s, {1e6 * busy / rows:.1f} µs of our "
        f"CPU time a row; loop lag p99 {_p99(late):.1f} ms, with nothing shipped {_p99(idle):.1f}"
    )


def _shipper(hub: PostgresHub, store: Store) -> Shipper:
    caller = HubCaller(hub, 5.0)
    keeper = LeaseKeeper(
        caller=caller,
        membership=Membership(10.0, 2.0),
        profile=Profile(vantage="eu-1", origin=""),
        store=store,
        file=lambda: "file",
        names=lambda: ["provider-0"],
        gained=lambda _: None,
        handed_over=lambda _: True,
        went_alone=lambda: None,
        notified=lambda: None,
    )
    return Shipper(caller=caller, keeper=keeper, store=store, present=_present)


def _present(_: str, __: str | None) -> Present:
    return Present(status="healthy", reason="", checked_at=utc_now(), due_in=300.0, fresh_for=900.0)


async def watch_lag(late: list[float]) -> None:
    """Add, for ever, by how many milliseconds the event loop comes too late."""
    while True:
        due = trio.current_time() + LOOK_EVERY
        await trio.sleep_until(due)
        late.append((trio.current_time() - due) * 1000.0)


def _p99(numbers: list[float]) -> float:
    return statistics.quantiles(numbers, n=100)[98]
