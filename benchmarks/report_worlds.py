"""Providers with outages, for benchmarks.reports: random, or as recorded."""

import csv
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

import attrs

LATENCY_MS = {"fast": 250.0, "middle": 350.0, "slow": 500.0}
OUTAGE_SECONDS = 2_400.0  # recorded incidents of hosted models last tens of minutes
# From vendors' own status pages in 2026: the number of incidents, the number of days, and how many
# minutes half of them and nine of ten lasted at most.
VENDORS = {
    "anthropic": (85, 63.0, 55.0, 137.0),
    "openai": (22, 48.0, 104.0, 284.0),
    "groq": (25, 206.0, 91.0, 151.0),
}
Z90 = 1.2816  # nine of ten lie below so many standard deviations
TIMEOUT_MS = 10_000.0
CLOSE_SECONDS = 3_600.0  # before the first outage of a trace, and after its last

Outages = Mapping[str, Sequence[tuple[float, float]]]


@attrs.frozen
class World:
    """The providers, how long each takes when it works, and its outages: from, to, in seconds."""

    latency_ms: Mapping[str, float]
    outages: Outages
    seconds: float

    def is_out(self, name: str, at: float) -> bool:
        return any(start <= at < end for start, end in self.outages[name])


def drawn(seconds: float, seed: int, between: float) -> World:
    """Draw outages of each provider, ``between`` seconds apart on average."""
    dice = random.Random(seed)

    def draw() -> Iterator[tuple[float, float]]:
        at = dice.expovariate(1.0 / between)
        while at < seconds:
            end = at + dice.expovariate(1.0 / OUTAGE_SECONDS)
            yield at, end
            at = end + dice.expovariate(1.0 / between)

    return World(LATENCY_MS, {name: list(draw()) for name in LATENCY_MS}, seconds)


def of_vendors(seconds: float, runs: Iterable[int]) -> Iterator[tuple[str, Sequence[World]]]:
    """Yield three settings: each of the vendors is the fastest once, and so the best."""
    names = list(VENDORS)
    for first in range(len(names)):
        turned = names[first:] + names[:first]
        latency_ms = dict(zip(turned, LATENCY_MS.values(), strict=True))
        worlds = [_of_vendors(latency_ms, seconds, seed) for seed in runs]
        yield f"{turned[0]} fastest: ", worlds


def _of_vendors(latency_ms: Mapping[str, float], seconds: float, seed: int) -> World:
    dice = random.Random(seed)
    outages: dict[str, list[tuple[float, float]]] = {name: [] for name in latency_ms}
    for name, (incidents, days, half, nine_tenths) in VENDORS.items():
        sigma = math.log(nine_tenths / half) / Z90
        at = dice.expovariate(incidents / (days * 86_400.0))
        while at < seconds:
            end = at + 60.0 * dice.lognormvariate(math.log(half), sigma)
            outages[name].append((at, end))
            at = end + dice.expovariate(incidents / (days * 86_400.0))
    return World(latency_ms, outages, seconds)


def of_incidents(file: Path, seconds: float) -> World:
    outages: dict[str, list[tuple[float, float]]] = {name: [] for name in LATENCY_MS}
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            if row["provider"] in outages:
                outages[row["provider"]].append((float(row["start"]), float(row["end"])))
    return World(LATENCY_MS, outages, seconds)


def of_trace(file: Path) -> Iterator[tuple[str, Sequence[World]]]:
    """Yield all providers of a trace, and again without those that are faster than the failing one.

    An outage lasts from half way after the last good check to half way before the next one.
    """
    checks: dict[str, list[tuple[float, bool, float]]] = defaultdict(list)
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            latency = float(row["latency_ms"] or "inf")
            at = datetime.fromisoformat(row["timestamp_utc"]).timestamp()
            good = row["ok"] == "1" and latency < TIMEOUT_MS
            checks[row["provider"]].append((at, good, latency))
    latency_ms = {
        name: median(latency for _, good, latency in told if good) for name, told in checks.items()
    }
    outages = {name: list(_failures(sorted(told))) for name, told in checks.items()}
    every = [moment for told in outages.values() for outage in told for moment in outage]
    first, last = min(every) - CLOSE_SECONDS, max(every) + CLOSE_SECONDS
    shifted = {
        name: [(start - first, end - first) for start, end in told]
        for name, told in outages.items()
    }
    yield "all of the trace: ", [World(latency_ms, shifted, last - first)]
    slowest = max(latency_ms[name] for name, told in outages.items() if told)
    left = {n: ms for n, ms in latency_ms.items() if ms >= slowest or outages[n]}
    kept = {name: shifted[name] for name in left}
    yield "who failed is the fastest: ", [World(left, kept, last - first)]


def _failures(checks: Sequence[tuple[float, bool, float]]) -> Iterator[tuple[float, float]]:
    began: float | None = None
    for (before, was_good, _), (at, good, _) in pairwise(checks):
        if was_good and not good:
            began = (before + at) / 2.0
        elif good and not was_good and began is not None:
            yield began, (before + at) / 2.0
            began = None
