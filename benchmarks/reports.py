"""The benefit of reports of real calls: the real tracker on virtual time, with and without them.

    python -m benchmarks.reports [--hours N] [--runs N] [--rates R …]
    python -m benchmarks.reports --vendors        outages as often and as long as vendors had them
    python -m benchmarks.reports --trace FILE     recorded checks: an Upptime monitor's, as CSV
    python -m benchmarks.reports --incidents FILE recorded incidents: ``provider,start,end``

A proxy sends its calls to the tracker's best provider while providers have outages; a failed call
takes ten seconds. Prints the failed calls, the mean time of a call, the regret against an oracle
that never picks a failing provider, and the checks made.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import attrs
import msgspec
import structlog
import trio
from trio.testing import MockClock

from benchmarks import report_worlds
from benchmarks.report_worlds import World
from tracker import Config, Tracker, run_tracker
from tracker.core.settings import Provider, Timing
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.testing import FakeProviders, ProviderBehavior, VirtualClock, advance, virtual_clock

FAILURE_MS = 10_000.0  # a call that meets an outage waits for its time-out
WARM_SECONDS = 5.0
PATIENT = Timing(degraded_latency_ms=9_000.0)  # slowness is not measured here


@attrs.define
class Score:
    """Calls of one run; times in milliseconds."""

    calls: int = 0
    failed: int = 0
    spent_ms: float = 0.0
    oracle_ms: float = 0.0
    checks: int = 0

    def add(self, other: "Score") -> None:
        for field in attrs.fields(Score):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def row(self, name: str) -> str:
        regret = (self.spent_ms - self.oracle_ms) / self.calls
        return (
            f"  {name:<50}{self.calls:>8}{100.0 * self.failed / self.calls:>9.3f}"
            f"{self.spent_ms / self.calls:>10.1f}{regret:>11.1f}{self.checks:>8}"
        )


@attrs.define(eq=False)
class Simulation:
    """One proxy, three providers, and a tracker that does or does not get reports of the calls."""

    world: World
    calls_per_second: float
    reporting: bool
    time: MockClock
    clock: VirtualClock = attrs.field(init=False)
    fakes: FakeProviders = attrs.field(factory=FakeProviders)
    score: Score = attrs.field(factory=Score)
    _ids: "count[int]" = attrs.field(factory=count)

    def __attrs_post_init__(self) -> None:
        self.clock = virtual_clock(clock=self.time)
        for name, latency_ms in self.world.latency_ms.items():
            self.fakes[name].latency_ms = latency_ms

    async def run(self, folder: str) -> Score:
        config = Config(
            database=str(Path(folder) / "simulation.db"),
            providers=tuple(
                Provider(name=name, base_url="http://127.0.0.1:9", timing=PATIENT)
                for name in self.world.latency_ms
            ),
        )
        start = partial(
            run_tracker,
            config,
            clock=self.clock,
            open_check=self.fakes.open_check,
            canary=LoopMonitor(beat=60.0),
        )
        async with trio.open_nursery() as nursery:
            tracker: Tracker = await nursery.start(start)
            await self._pass(tracker, WARM_SECONDS)
            began = trio.current_time()
            while trio.current_time() - began < self.world.seconds:
                await self._call(tracker, trio.current_time() - began)
                await self._pass(tracker, 1.0 / self.calls_per_second)
            self.score.checks = sum(self.fakes[name].ended for name in self.world.latency_ms)
            tracker.stop()
            await self._pass(tracker, 5.0)
        return self.score

    async def _call(self, tracker: Tracker, at: float) -> None:
        latency_ms = self.world.latency_ms
        out = {name for name in latency_ms if self.world.is_out(name, at)}
        for name in latency_ms:
            bad = ProviderBehavior.SERVER_ERROR if name in out else ProviderBehavior.OK
            self.fakes[name].mood = bad
        name = tracker.get_healthiest_provider() or next(iter(latency_ms))
        score = self.score
        score.calls += 1
        score.failed += name in out
        score.spent_ms += FAILURE_MS if name in out else latency_ms[name]
        working = [ms for each, ms in latency_ms.items() if each not in out]
        score.oracle_ms += min(working, default=FAILURE_MS)
        if self.reporting:
            await tracker.report(self._report(name, "server" if name in out else "ok"))

    def _report(self, provider: str, outcome: str) -> bytes:
        report = {
            "id": f"call-{next(self._ids)}",
            "at": self.clock.now(),
            "provider": provider,
            "outcome": outcome,
        }
        return msgspec.json.encode({"reporter": "proxy", "reports": [report]})

    async def _pass(self, tracker: Tracker, seconds: float) -> None:
        store = tracker._store
        await advance(self.time, seconds, store.worker, store.readers)


def simulate(world: World, *, rate: float, reporting: bool) -> Score:
    time = MockClock()
    simulation = Simulation(world, rate, reporting, time)
    with tempfile.TemporaryDirectory() as folder:
        return trio.run(simulation.run, folder, clock=time)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.1, 1.0])
    parser.add_argument("--between", type=float, default=12.0, help="hours between outages")
    parser.add_argument("--vendors", action="store_true")
    parser.add_argument("--trace", type=Path)
    parser.add_argument("--incidents", type=Path)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    print(f"  {'':<50}{'calls':>8}{'failed %':>9}{'mean ms':>10}{'regret ms':>11}{'checks':>8}")
    for told, worlds in settings(given):
        for rate in given.rates:
            for reporting in (False, True):
                score = Score()
                for world in worlds:
                    score.add(simulate(world, rate=rate, reporting=reporting))
                how = "with reports" if reporting else "checks alone"
                print(score.row(f"{told}{rate:g} calls/s, {how}"), flush=True)


def settings(given: argparse.Namespace) -> Iterator[tuple[str, Sequence[World]]]:
    """Yield each requested setting: its name, and the worlds whose scores are added up."""
    seconds, runs = 3_600.0 * given.hours, range(given.runs)
    if given.trace:
        yield from report_worlds.of_trace(given.trace)
    elif given.vendors:
        yield from report_worlds.of_vendors(seconds, runs)
    elif given.incidents:
        yield "", [report_worlds.of_incidents(given.incidents, seconds)]
    else:
        between = 3_600.0 * given.between
        yield "", [report_worlds.drawn(seconds, seed, between) for seed in runs]


if __name__ == "__main__":
    main()
