"""How soon a tracker that was cut off has shipped what its file holds, and what that costs it."""

import statistics
import tempfile
import time
from pathlib import Path

import attrs
import trio

from benchmarks.replicas import hub_server
from tests.helpers.store_records import check
from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Profile
from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.membership import Membership
from tracker.cluster.own_origin import OwnOrigin
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
        idle = Lag()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(idle.watch)
            await trio.sleep(2.0)
            nursery.cancel_scope.cancel()
        lag = Lag()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lag.watch)
            began, busy = time.perf_counter(), time.process_time()
            while await shipper.ship():
                pass
            took, busy = time.perf_counter() - began, time.process_time() - busy
            nursery.cancel_scope.cancel()
    hub.close()
    assert shipper.shipped == rows, "each once"
    print(
        f"replay: {rows} rows of a file: {rows / took:,.0f}/s, {1e6 * busy / rows:.1f} µs of our "
        f"CPU time a row; loop lag {lag}; with nothing shipped {idle}"
    )


def _shipper(hub: PostgresHub, store: Store) -> Shipper:
    caller = HubCaller(hub, 5.0)
    keeper = LeaseKeeper(
        caller=caller,
        membership=Membership(10.0, 2.0),
        origin=OwnOrigin(
            caller=caller,
            profile=Profile(vantage="eu-1", origin=""),
            store=store,
            file=lambda: "file",
        ),
        names=lambda: ["provider-0"],
        gained=lambda _: None,
        handed_over=lambda _: True,
        went_alone=lambda: None,
        notified=lambda: None,
    )
    return Shipper(caller=caller, keeper=keeper, store=store, present=_present)


def _present(_: str, __: str | None) -> Present:
    return Present(status="healthy", reason="", checked_at=utc_now(), due_in=300.0, fresh_for=900.0)


@attrs.frozen
class Lag:
    """By how many milliseconds the event loop came too late, and by how many the machine apart.

    held: without the time in which it could run and the kernel had no processor for it; the same
    as ``late`` where the kernel does not tell it (Linux does).
    """

    late: list[float] = attrs.field(factory=list)
    held: list[float] = attrs.field(factory=list)

    async def watch(self) -> None:
        """Add to both, forever."""
        while True:
            due, waited = trio.current_time() + LOOK_EVERY, _waited_ms()
            await trio.sleep_until(due)
            late = (trio.current_time() - due) * 1000.0
            self.late.append(late)
            self.held.append(max(late - (_waited_ms() - waited), 0.0))

    def __str__(self) -> str:
        held = f"{_p99(self.held):.1f} without its waits for a processor"
        return f"p99 {_p99(self.late):.1f} ms, {held}"


def _waited_ms() -> float:
    """Return for how long this thread could have run and had no processor, since it began."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e6
    except OSError:
        return 0.0


def _p99(numbers: list[float]) -> float:
    return statistics.quantiles(numbers, n=100)[98]
