"""Ranking policies over a recorded trace, beside LiteLLM's latency routing.

    python -m benchmarks.replay TRACE.csv [--write]

Prints the tables of docs/ranking.md: the results of the policies on the trace, and the CPU time of
a ranking after one new check; with --write they replace those of the page. This project contains no
trace.
"""

import argparse
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from tracker.core.outcomes import Status
from tracker.ranking import SHIPPED, Candidate, FallbackRanker, Ranked, Sample, load_policy
from tracker.replay import read_trace, replay

# litellm 1.109.1, router_strategy/lowest_latency.py: a time-out is appended as 1,000 s.
REMEMBERED, TIMED_OUT_MS = 10, 1_000_000.0
SIZES = (500, 1_000, 10_000)

PAGE = Path(__file__).parents[1] / "docs" / "ranking.md"
START = "<!-- made by `python -m benchmarks.replay TRACE.csv --write` -->"
END = "<!-- end of what is made -->"


def litellm(candidates: Sequence[Candidate], incumbent: str | None) -> list[Ranked]:
    """Rank by the mean of the last ten latencies, in a version favourable to LiteLLM.

    Its cooldown of 5 s would be over before the next check; here it lasts until then. Every failure
    is penalised, not only time-outs. Ties, which it breaks at random, are ordered by name.
    """

    def mean(candidate: Candidate) -> float:
        last = candidate.samples[-REMEMBERED:]
        known = [TIMED_OUT_MS if not s.ok else s.latency_ms for s in last]
        return statistics.fmean([ms for ms in known if ms is not None] or [0.0])

    lines = sorted((c.consecutive_failures > 0, mean(c), c.provider, c) for c in candidates)
    return [c.placed("", latency_ms=ms) for _, ms, _, c in lines]


def compare(trace: Path) -> Iterator[str]:
    """Yield the rows of a table: each policy on the trace."""
    history = read_trace(trace)
    yield f"{len(history.rounds)} rounds of `{trace.name}`:"
    yield ""
    yield "| policy | judged | ok % | latency ms | cost regret ms | switches |"
    yield "|---|---|---|---|---|---|"
    policies = {name: load_policy(name) for name in SHIPPED}
    for result in replay(history, {**policies, "litellm": litellm}):
        told = result.as_json()
        figures = (told["success_percent"], told["latency_ms"], told["cost_regret_ms"])
        name = "LiteLLM's latency routing, adapted kindly" if result.policy == "litellm" else None
        cells = (name or f"`{result.policy}`", result.n, *figures, result.switches)
        yield f"| {' | '.join(map(str, cells))} |"


def time_rankings() -> Iterator[str]:
    """Yield the rows of a table: CPU of a ranking, by the number of providers."""
    yield "| providers | first ranking | after one new check | and its lines read |"
    yield "|---|---|---|---|"
    for count in SIZES:
        first, again, read = _time_ranking(count)
        yield f"| {count:,} | {first:.1f} ms | {again:.2f} ms | {read:.2f} ms |"


def _time_ranking(count: int) -> tuple[float, float, float]:
    dice = random.Random(1)
    samples = [Sample(True, dice.uniform(50.0, 900.0), 300.0 * n) for n in range(192)]
    pool = [
        Candidate(provider=f"p{n}", status=Status.HEALTHY, samples=tuple(dice.sample(samples, 192)))
        for n in range(count)
    ]
    ranker, best = FallbackRanker(), None
    ranked, read = [], []
    for n in range(40):
        place = dice.randrange(count)
        pool[place] = attrs.evolve(pool[place], samples=(*pool[place].samples[1:], samples[n]))
        began = time.process_time()
        ranking = ranker(pool, (), best)
        ranked.append(1_000.0 * (time.process_time() - began))
        best = ranking.ranked[0].provider
        read.append(1_000.0 * (time.process_time() - began))
    first, *later = ranked
    return first, statistics.median(later), statistics.median(read[1:])


def write(tables: str, page: Path = PAGE) -> None:
    """Replace the text between the two marks of the page."""
    before, start, rest = page.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise SystemExit(f"{page} has no section between {START} and {END}")
    page.write_text(f"{before}{start}\n\n{tables}\n\n{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare ranking policies on a recorded trace.")
    parser.add_argument("trace", type=Path, help="CSV: timestamp_utc,provider,ok,latency_ms,…")
    parser.add_argument("--write", action="store_true", help="put them into docs/ranking.md")
    given = parser.parse_args()
    tables = "\n".join([*compare(given.trace), "", *time_rankings()])
    print(tables)
    if given.write:
        write(tables)


if __name__ == "__main__":
    main()
