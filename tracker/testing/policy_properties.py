"""The tests behind the properties: each runs a policy on a case and says what is wrong."""

import re
from collections.abc import Callable, Iterator, Sequence

import attrs

from tracker.core.outcomes import Status
from tracker.core.ranking import Ranked
from tracker.core.settings import RankingSettings
from tracker.ranking.policy import Candidate, Sample
from tracker.testing.policy_cases import INTERVAL, Case, with_checks

Ask = Callable[[Case], tuple[Ranked, ...]]
Law = Callable[[Ask, Case, RankingSettings], Iterator[str]]

FASTER_BY = (0.9, 0.3)  # a step within the margin, and one far beyond it
ROUNDING = 1e-6  # ms: sums in another order may differ by that


def answers(ask: Ask, case: Case, _: RankingSettings) -> Iterator[str]:
    """Require that the policy raises nothing."""
    ask(case)
    yield from ()


def is_pure(ask: Ask, case: Case, _: RankingSettings) -> Iterator[str]:
    """Require the same answer to the same input, whatever was asked in between."""
    before = ask(case)
    ask(attrs.evolve(case, candidates=case.candidates[1:], incumbent=None))
    if ask(case) != before:
        yield "asked again, it answers otherwise"
    copies = tuple(attrs.evolve(candidate) for candidate in case.candidates)
    if ask(attrs.evolve(case, candidates=copies)) != before:
        yield "asked about equal candidates, it answers otherwise"


def is_unordered(ask: Ask, case: Case, _: RankingSettings) -> Iterator[str]:
    """Require an answer that does not depend on the order of the input."""
    turned = attrs.evolve(case, candidates=case.candidates[::-1])
    if ask(turned) != ask(case):
        yield f"{_order(ask(case))} becomes {_order(ask(turned))} when the input is reversed"
    for candidate in case.candidates:
        twin = attrs.evolve(candidate, provider=f"{candidate.provider}-twin")
        order = _order(ask(Case((twin, *case.candidates), None)))
        if order.index(twin.provider) < order.index(candidate.provider):
            yield f"{twin.provider} stands before {candidate.provider}, with the same checks"


def keeps_tiers(ask: Ask, case: Case, _: RankingSettings) -> Iterator[str]:
    """Require that no candidate is ranked before one of a better status tier."""
    order = _order(ask(case))
    tiers = {candidate.provider: candidate.tier for candidate in case.candidates}
    if order != sorted(order, key=lambda name: tiers[name]):
        yield f"the order is {order}"


def rewards_speed(ask: Ask, case: Case, _: RankingSettings) -> Iterator[str]:
    """Require that a faster check never makes a candidate's place worse."""
    before = _order(ask(case))
    for candidate in case.candidates:
        for place, sample in _some_checks(candidate):
            if sample.latency_ms is None:
                continue
            for factor in FASTER_BY:
                faster = attrs.evolve(sample, latency_ms=sample.latency_ms * factor)
                told = f"check {place + 1} took {faster.latency_ms:g} ms"
                changed = _with_check(candidate, place, faster, candidate.status)
                yield from _find_worsened(ask, case, before, candidate, changed, told=told)


def rewards_mending(ask: Ask, case: Case, _: RankingSettings) -> Iterator[str]:
    """Require that a success in place of a failure never makes a place worse."""
    before = _order(ask(case))
    known = [s.latency_ms for c in case.candidates for s in c.samples if s.latency_ms is not None]
    fastest = min(known, default=1.0)
    for candidate in case.candidates:
        status = Status.HEALTHY if candidate.consecutive_failures else candidate.status
        for place, sample in _some_checks(candidate):
            if not sample.ok:
                mended = Sample(True, fastest, sample.at)
                told = f"check {place + 1} succeeded in {fastest:g} ms"
                changed = _with_check(candidate, place, mended, status)
                yield from _find_worsened(ask, case, before, candidate, changed, told=told)


def leaves_the_failed(ask: Ask, case: Case, _: RankingSettings) -> Iterator[str]:
    """Require that a first candidate that has just failed is replaced by a healthy one."""
    winner = case.candidate(ask(case)[0].provider)
    peers = [c for c in case.candidates if c is not winner and c.status is Status.HEALTHY]
    if winner is None or not peers:
        return
    failure = Sample(False, None, len(winner.samples) * INTERVAL)
    failed = with_checks(winner, (*winner.samples, failure), winner.status)
    after = attrs.evolve(case.replaced(winner, failed), incumbent=winner.provider)
    if ask(after)[0].provider == winner.provider:
        yield f"{winner.provider} stays first after a failed check; {peers[0].provider} is healthy"


def keeps_the_margin(ask: Ask, case: Case, margins: RankingSettings) -> Iterator[str]:
    """Require that an incumbent of the best tier stays unless one is better by the margin."""
    ranked = ask(case)
    mine = next((line for line in ranked if line.provider == case.incumbent), None)
    first = ranked[0]
    best = min(candidate.tier for candidate in case.candidates)
    holder = case.candidate(case.incumbent)
    if mine is None or mine is first or holder is None or holder.tier > best:
        return
    if mine.expected_cost_ms is None or first.expected_cost_ms is None:
        yield f"{first.provider} replaces {mine.provider}, and no cost is told to compare"
        return
    lead = mine.expected_cost_ms - first.expected_cost_ms
    least = max(margins.switch_margin * mine.expected_cost_ms, margins.switch_margin_ms)
    if lead < least - ROUNDING:
        yield f"{first.provider} replaces {mine.provider}, though only {lead:g} ms cheaper"


def is_settled(ask: Ask, case: Case, _: RankingSettings) -> Iterator[str]:
    """Require that making the first the incumbent changes nothing."""
    before = _order(ask(case))
    after = _order(ask(attrs.evolve(case, incumbent=before[0])))
    if after != before:
        yield f"{before} becomes {after}"


def explains(ask: Ask, case: Case, margins: RankingSettings) -> Iterator[str]:
    """Require that every number in a reason belongs to that line."""
    ranked = ask(case)
    for line in ranked:
        candidate = case.candidate(line.provider)
        known = [*_numbers(line, candidate, margins), *_costs(ranked)]
        for text in numbers_in(line.reason, [c.provider for c in case.candidates]):
            if not any(is_rounded(text, value) for value in known):
                yield f'{text} in "{line.reason}" is no number of {line}'


def numbers_in(reason: str, names: Sequence[str]) -> list[str]:
    """Return the numbers in a sentence, except those in a provider's name."""
    for name in sorted(names, key=len, reverse=True):
        reason = reason.replace(name, "")
    return re.findall(r"\d+(?:\.\d+)?", reason)


def is_rounded(text: str, value: float) -> bool:
    """Return whether ``text`` is ``value``, rounded to as many decimals as it shows."""
    return f"{value:.{len(text.partition('.')[2])}f}" == text


def _numbers(line: Ranked, candidate: Candidate | None, margins: RankingSettings) -> list[float]:
    risk = line.failure_probability
    chances = [] if risk is None else [100.0 * risk, 100.0 * (1.0 - risk)]
    told = [line.samples, *chances, 100.0 * margins.switch_margin, margins.switch_margin_ms]
    if candidate is None:
        return told
    timeout = candidate.timeout_ms
    return [*told, timeout, timeout / 1000.0, candidate.consecutive_failures]


def _costs(ranked: Sequence[Ranked]) -> list[float]:
    """Return the costs of all: a reason may compare."""
    both = ((line.expected_cost_ms, line.latency_ms) for line in ranked)
    return [value for pair in both for value in pair if value is not None]


def _order(ranked: Sequence[Ranked]) -> list[str]:
    return [line.provider for line in ranked]


def _some_checks(candidate: Candidate) -> Iterator[tuple[int, Sample]]:
    """Return the oldest, the middle and the newest."""
    count = len(candidate.samples)
    for place in sorted({0, count // 2, count - 1} if count else ()):
        yield place, candidate.samples[place]


def _with_check(candidate: Candidate, place: int, sample: Sample, status: Status) -> Candidate:
    samples = (*candidate.samples[:place], sample, *candidate.samples[place + 1 :])
    return with_checks(candidate, samples, status)


def _find_worsened(
    ask: Ask, case: Case, before: list[str], old: Candidate, new: Candidate, *, told: str
) -> Iterator[str]:
    after = _order(ask(case.replaced(old, new)))
    if after.index(old.provider) > before.index(old.provider):
        yield f"if {old.provider}'s {told}, the order {before} becomes {after}"
