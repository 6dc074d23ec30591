"""Ranking policies over a recorded trace, beside LiteLLM's latency routing.

    python -m benchmarks.replay TRACE.csv

Prints the table of docs/ranking.md, and what a ranking of a thousand providers takes when one
of them has a new check. No trace is part of this project.
"""

import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import attrs

from tracker.core.outcomes import Status
from tracker.ranking import SHIPPED, Candidate, FallbackRanker, Ranked, Sample, load_policy
from tracker.replay import read_trace, replay

# litellm 1.109.1, router_strategy/lowest_latency.py: a time-out is appended as 1,000 s.
REMEMBERED, TIMED_OUT_MS = 10, 1_000_000.0


def litellm(candidates: Sequence[Candidate], incumbent: str | None) -> list[Ranked]:
    """The mean of the last ten latencies, adapted kindly.

    Its cooldown of 5 s would be over before the next check: here it lasts until then. Every
    failure is penalised, not time-outs alone. Ties, which it breaks at random, go by name.
    """

    def mean(candidate: Candidate) -> float:
        last = candidate.samples[-REMEMBERED:]
        known = [TIMED_OUT_MS if not s.ok else s.latency_ms for s in last]
        return statistics.fmean([ms for ms in known if ms is not None] or [0.0])

    lines = sorted((c.consecutive_failures > 0, mean(c), c.provider, c) for c in candidates)
    return [c.placed("", latency_ms=ms) for _, ms, _, c in lines]


def compare(trace: Path) -> None:
    policies = {name: load_policy(name) for name in SHIPPED}
    print(f"{'policy':<16}{'n':>7}{'ok %':>9}{'latency ms':>12}{'regret ms':>11}{'switches':>10}")
    for result in replay(read_trace(trace), {**policies, "litellm": litellm}):
        told = result.as_json()
        figures = (told["success_percent"], told["latency_ms"], told["cost_regret_ms"])
        ok, latency, regret = map(str, figures)
        print(
            f"{result.policy:<16}{result.n:>7}{ok:>9}{latency:>12}{regret:>11}{result.switches:>10}"
        )


def time_a_thousand() -> None:
    dice = random.Random(1)
    samples = [Sample(True, dice.uniform(50.0, 900.0), 300.0 * n) for n in range(192)]
    field = [
        Candidate(provider=f"p{n}", status=Status.HEALTHY, samples=tuple(dice.sample(samples, 192)))
        for n in range(1_000)
    ]
    ranker, best, taken = FallbackRanker(), None, []
    for n in range(30):
        field[n] = attrs.evolve(field[n], samples=(*field[n].samples[1:], samples[n]))
        began = time.perf_counter()
        best = ranker(field, (), best).best
        taken.append(1_000.0 * (time.perf_counter() - began))
    first, *later = taken
    median = statistics.median(later)
    print(f"1,000 providers: first ranking {first:.1f} ms, after one new check {median:.1f} ms")


if __name__ == "__main__":
    compare(Path(sys.argv[1]))
    time_a_thousand()
