"""What reports of real calls are worth: the real tracker on virtual time, with and without them.

    python -m benchmarks.reports [--hours N] [--runs N] [--incidents FILE]

A proxy sends its calls to the tracker's best provider while providers have outages; a failed call
takes ten seconds. The outages are drawn again for each run, or read from a CSV of recorded
incidents: ``provider,start,end`` in seconds. Prints the failed calls, the mean time of a call, the
regret against an oracle that never picks a failing provider, and the checks made.
"""

import argparse
import csv
import random
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import attrs
import msgspec
import structlog
import trio
from trio.testing import MockClock

from tracker import Config, Tracker, run_tracker
from tracker.core.settings import Provider
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.testing import FakeProviders, ProviderBehavior, VirtualClock, advance, virtual_clock

LATENCY_MS = {"fast": 250.0, "middle": 350.0, "slow": 500.0}
FAILURE_MS = 10_000.0  # a call that meets an outage waits for its time-out
# Recorded incidents of hosted models come some times a week and last tens of minutes; two a day of
# each provider let a short run meet enough of them.
BETWEEN_SECONDS, OUTAGE_SECONDS = 43_200.0, 2_400.0
WARM_SECONDS = 5.0

Outages = Mapping[str, Sequence[tuple[float, float]]]


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
            f"  {name:<34}{self.calls:>8}{100.0 * self.failed / self.calls:>9.3f}"
            f"{self.spent_ms / self.calls:>10.1f}{regret:>11.1f}{self.checks:>8}"
        )


def draw_outages(seconds: float, seed: int) -> Outages:
    dice = random.Random(seed)
    return {name: _draw_some(dice, seconds) for name in LATENCY_MS}


def _draw_some(dice: random.Random, seconds: float) -> list[tuple[float, float]]:
    found, at = [], dice.expovariate(1.0 / BETWEEN_SECONDS)
    while at < seconds:
        end = at + dice.expovariate(1.0 / OUTAGE_SECONDS)
        found.append((at, end))
        at = end + dice.expovariate(1.0 / BETWEEN_SECONDS)
    return found


def read_outages(file: Path) -> Outages:
    outages: dict[str, list[tuple[float, float]]] = {name: [] for name in LATENCY_MS}
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            if row["provider"] in outages:
                outages[row["provider"]].append((float(row["start"]), float(row["end"])))
    return outages


def is_out(outages: Outages, name: str, at: float) -> bool:
    return any(start <= at < end for start, end in outages[name])


@attrs.define(eq=False)
class Simulation:
    """One proxy, three providers, and a tracker that does or does not hear of the calls."""

    outages: Outages
    calls_per_second: float
    reporting: bool
    time: MockClock
    clock: VirtualClock = attrs.field(init=False)
    fakes: FakeProviders = attrs.field(factory=FakeProviders)
    score: Score = attrs.field(factory=Score)
    _ids: "count[int]" = attrs.field(factory=count)

    def __attrs_post_init__(self) -> None:
        self.clock = virtual_clock(clock=self.time)
        for name, latency_ms in LATENCY_MS.items():
            self.fakes[name].latency_ms = latency_ms

    async def run(self, folder: str, seconds: float) -> Score:
        config = Config(
            database=str(Path(folder) / "simulation.db"),
            providers=tuple(Provider(name=n, base_url="http://127.0.0.1:9") for n in LATENCY_MS),
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
            while trio.current_time() - began < seconds:
                await self._call(tracker, trio.current_time() - began)
                await self._pass(tracker, 1.0 / self.calls_per_second)
            self.score.checks = sum(self.fakes[name].ended for name in LATENCY_MS)
            tracker.stop()
            await self._pass(tracker, 5.0)
        return self.score

    async def _call(self, tracker: Tracker, at: float) -> None:
        for name in LATENCY_MS:
            out = is_out(self.outages, name, at)
            self.fakes[name].mood = ProviderBehavior.SERVER_ERROR if out else ProviderBehavior.OK
        name = tracker.get_healthiest_provider() or next(iter(LATENCY_MS))
        failed = is_out(self.outages, name, at)
        score = self.score
        score.calls += 1
        score.failed += failed
        score.spent_ms += FAILURE_MS if failed else LATENCY_MS[name]
        working = [ms for n, ms in LATENCY_MS.items() if not is_out(self.outages, n, at)]
        score.oracle_ms += min(working, default=FAILURE_MS)
        if self.reporting:
            await tracker.report(self._report(name, "server" if failed else "ok"))

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


def simulate(outages: Outages, *, rate: float, reporting: bool, seconds: float) -> Score:
    time = MockClock()
    simulation = Simulation(outages, rate, reporting, time)
    with tempfile.TemporaryDirectory() as folder:
        return trio.run(simulation.run, folder, seconds, clock=time)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.1, 1.0])
    parser.add_argument("--incidents", type=Path)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    seconds = 3_600.0 * given.hours
    recorded = [read_outages(given.incidents)] if given.incidents else []
    runs = recorded or [draw_outages(seconds, seed) for seed in range(given.runs)]
    print(f"  {'':<34}{'calls':>8}{'failed %':>9}{'mean ms':>10}{'regret ms':>11}{'checks':>8}")
    for rate in given.rates:
        for reporting in (False, True):
            score = Score()
            for outages in runs:
                score.add(simulate(outages, rate=rate, reporting=reporting, seconds=seconds))
            told = "with reports" if reporting else "checks alone"
            print(score.row(f"{rate:g} calls a second, {told}"), flush=True)


if __name__ == "__main__":
    main()
