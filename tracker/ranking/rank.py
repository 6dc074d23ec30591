"""From candidates to a ranking: the policy's order, checked, with shares and a sentence. Pure."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from inspect import iscoroutine
from itertools import islice, takewhile
from typing import Any

import attrs

from tracker.core.outcomes import Status
from tracker.core.snapshot import Excluded, Ranked, Ranking
from tracker.ranking.policy import Candidate, Policy, PolicyError
from tracker.ranking.wording import milliseconds, moment


def rank(
    candidates: Sequence[Candidate],
    excluded: Sequence[Excluded],
    incumbent: str | None,
    policy: Policy,
    *,
    name: str,
    valid_until: datetime | None = None,
) -> Ranking:
    """The usable providers, best first, and why. ``name``: the policy's, as it is configured.

    incumbent: the present best, None at the start. valid_until: when the next check that could
    change the ranking is due. Raises PolicyError when the policy fails or its answer is no order.
    """
    ranked = run_policy(policy, candidates, incumbent, name)
    return ranking_of(add_attempt_times(ranked, candidates), excluded, name, valid_until)


def run_policy(
    policy: Policy, candidates: Sequence[Candidate], incumbent: str | None, name: str
) -> tuple[Ranked, ...]:
    """What the policy answers: each candidate exactly once. Raises PolicyError.

    It is not asked about nobody.
    """
    if not candidates:
        return ()
    try:
        answer: Any = policy(candidates, incumbent)
        if iscoroutine(answer):
            answer.close()
            raise TypeError("it is an async function")  # noqa: TRY301 (one way out for all)
        ranked = tuple(islice(answer, len(candidates) + 1))  # it may be an endless generator
        flaw = next(_flaws(ranked, {candidate.provider for candidate in candidates}), None)
    except PolicyError:
        raise  # its deadline speaks for itself
    except (Exception, SystemExit) as error:
        raise PolicyError(f'policy "{name}" failed: {type(error).__name__}: {error}') from error
    if flaw is not None:
        raise PolicyError(f'policy "{name}" gave no ranking: {flaw}')
    return ranked


def _flaws(ranked: Sequence[object], wanted: set[str]) -> Iterator[str]:
    seen: set[str] = set()
    for line in ranked:
        if not isinstance(line, Ranked):
            yield f"it holds {line!r:.80}, which is no Ranked"
        elif line.provider not in wanted:
            yield f"{line.provider!r:.80} was not asked about"
        elif line.provider in seen:
            yield f"{line.provider} stands in it twice"
        elif wrong := _wrong_value(line):
            yield f"of {line.provider}, {wrong}"
        else:
            seen.add(line.provider)
    if missing := wanted - seen:
        yield f"{min(missing)} is missing"


def _wrong_value(line: Ranked) -> str | None:
    cost, risk, latency = line.expected_cost_ms, line.failure_probability, line.latency_ms
    if not (_is_number(cost) and _is_number(risk) and _is_number(latency)):
        return f"a number is none: cost {cost!r:.40}, risk {risk!r:.40}, latency {latency!r:.40}"
    if not (_is_a(line.reason, str) and _is_a(line.status, Status) and _is_a(line.samples, int)):
        return "reason must be a str, status a Status, samples an int"
    if not (line.last_check is None or _is_a(line.last_check, datetime)):
        return f"last_check must be a datetime or None, not {line.last_check!r:.40}"
    return None


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and math.isfinite(value))


def _is_a(value: object, kind: type) -> bool:
    return isinstance(value, kind)


def ranking_of(
    ranked: Sequence[Ranked],
    excluded: Sequence[Excluded],
    policy: str,
    valid_until: datetime | None = None,
) -> Ranking:
    """The ranking with this order, which stands; shares and sentence are made for it."""
    return Ranking(
        reason=_sentence(ranked) if ranked else _why_nobody(excluded, valid_until),
        ranked=tuple(_assign_weights(ranked)),
        excluded=tuple(excluded),
        valid_until=valid_until,
        policy=policy,
    )


def add_attempt_times(
    ranked: Sequence[Ranked], candidates: Sequence[Candidate]
) -> tuple[Ranked, ...]:
    """Add to each line what a failure takes: everybody's mean where it has none of its own.

    Where nobody has failed, it is the time-out. A line that a policy made by hand gets its
    patience here.
    """
    known = {candidate.provider: candidate for candidate in candidates}
    own = [each.failure_ms for each in candidates if each.failure_ms is not None]
    usual = math.fsum(own) / len(own) if own else math.inf
    return tuple(_with_attempt_times(line, known[line.provider], usual) for line in ranked)


def _with_attempt_times(line: Ranked, candidate: Candidate, usual: float) -> Ranked:
    own = candidate.failure_ms
    failure = min(usual, candidate.timeout_ms) if own is None else own
    if line.failure_ms == failure and line.patience_ms == candidate.patience_ms:
        return line
    return attrs.evolve(line, failure_ms=failure, patience_ms=candidate.patience_ms)


def filter_ranking(ranking: Ranking, allowed: Callable[[str], bool] | Collection[str]) -> Ranking:
    """The ranking among the providers that are allowed; the order stands, all else is made anew."""
    allows = allowed if callable(allowed) else frozenset(allowed).__contains__
    return ranking_of(
        [line for line in ranking.ranked if allows(line.provider)],
        [line for line in ranking.excluded if allows(line.provider)],
        ranking.policy,
        ranking.valid_until,
    )


def _assign_weights(ranked: Sequence[Ranked]) -> Iterator[Ranked]:
    """With the shares of a weighted choice: all of it goes to the best one's tier.

    A share falls with the square of the cost, as OpenRouter's does with the square of the price:
    many proxies then spread over providers of like cost, and one twice as dear gets a quarter.
    Where a policy tells no costs, the place in the order stands for the cost.
    """
    best = list(takewhile(lambda line: line.status is ranked[0].status, ranked))
    costs = [line.expected_cost_ms for line in best]
    known = [cost for cost in costs if cost is not None and cost > 0.0]
    if len(known) < len(best):
        known = [float(place) for place, _ in enumerate(best, start=1)]
    least = min(known, default=0.0)  # nobody usable: no shares
    worth = [(least / cost) ** 2 for cost in known]
    total = math.fsum(worth)
    for line, share in zip(best, worth, strict=True):
        yield _with_weight(line, share / total)
    for line in ranked[len(best) :]:
        yield _with_weight(line, 0.0)


def _with_weight(line: Ranked, weight: float) -> Ranked:
    if line.weight == weight:
        return line
    return Ranked(  # attrs.evolve takes five times as long, for each of a thousand
        provider=line.provider,
        status=line.status,
        expected_cost_ms=line.expected_cost_ms,
        failure_probability=line.failure_probability,
        latency_ms=line.latency_ms,
        samples=line.samples,
        last_check=line.last_check,
        reason=line.reason,
        model=line.model,
        variant=line.variant,
        evidence=line.evidence,
        weight=weight,
        patience_ms=line.patience_ms,
        failure_ms=line.failure_ms,
    )


def _sentence(ranked: Sequence[Ranked]) -> str:
    """Only names, words and the numbers of the lines themselves."""
    first, *others = ranked
    doubt = _status_note(first)
    text = f"{first.provider} is first{f', though {doubt}' if doubt else ''}: {first.reason}; "
    return f"{text}{_second(others[0])}." if others else f"{text}no other is usable now."


def _second(line: Ranked) -> str:
    doubt = _status_note(line)
    name = f"{line.provider}, {doubt}," if doubt else line.provider
    if line.expected_cost_ms is None:
        return f"{name} is next: {line.reason}"
    return f"{name} is next at {milliseconds(line.expected_cost_ms)}"


def _status_note(line: Ranked) -> str:
    return "" if line.status is Status.HEALTHY else line.status.value


def _why_nobody(excluded: Sequence[Excluded], valid_until: datetime | None) -> str:
    if not excluded:
        return "No provider is usable: none is watched."
    moments = [line.until for line in excluded if line.until is not None]
    soonest = min(moments, default=valid_until)
    if soonest is None:
        return "No provider is usable now, and no check is planned that could change it."
    return f"No provider is usable now; the soonest that may change is {moment(soonest)}."
