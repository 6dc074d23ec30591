"""Making a ranking: the policy's order, validated, with weights and reasons. Pure."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from inspect import iscoroutine
from itertools import islice
from operator import attrgetter
from typing import Any

import attrs

from tracker.core.outcomes import Status
from tracker.core.ranking import Excluded, Ranked, Ranking
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
    """Rank the usable providers, best first, with reasons. ``name``: the policy's, as configured.

    incumbent: the present best, None at the start. valid_until: when the next check that could
    change the ranking is due. Raises PolicyError when the policy fails or its answer is no order.
    """
    ranked = run_policy(policy, candidates, incumbent, name)
    usual = usual_failure_ms(candidates)
    return ranking_of(ranked, excluded, name, valid_until, usual_failure_ms=usual)


def run_policy(
    policy: Policy,
    candidates: Sequence[Candidate],
    incumbent: str | None,
    name: str,
) -> tuple[Ranked, ...]:
    """Run the policy; its answer has each candidate exactly once. Raises PolicyError.

    It is not asked about nobody.
    """
    if not candidates:
        return ()
    try:
        answer: Any = policy(candidates, incumbent)
        if iscoroutine(answer):
            answer.close()
            raise TypeError("it is an async function")  # noqa: TRY301 (one way out for all)
        ranked = tuple(islice(answer, len(candidates) + 1))  # it may be an infinite generator
        flaw = next(_flaws(ranked, {candidate.provider for candidate in candidates}), None)
    except PolicyError:
        raise  # the text about its deadline is complete
    except (Exception, SystemExit) as error:
        raise PolicyError(f'policy "{name}" failed: {type(error).__name__}: {error}') from error
    if flaw is not None:
        raise PolicyError(f'policy "{name}" did not return a valid ranking: {flaw}')
    known = {candidate.provider: candidate for candidate in candidates}
    return tuple(_add_attempt_times(line, known[line.provider]) for line in ranked)


def _add_attempt_times(line: Ranked, candidate: Candidate) -> Ranked:
    """Add what a policy left out that made the line by hand."""
    return attrs.evolve(
        line,
        patience_ms=candidate.patience_ms,
        failure_ms=candidate.failure_ms,
        timeout_ms=candidate.timeout_ms,
    )


def _flaws(ranked: Sequence[object], wanted: set[str]) -> Iterator[str]:
    seen: set[str] = set()
    for line in ranked:
        if not isinstance(line, Ranked):
            yield f"it contains {line!r:.80}, which is not a Ranked"
        elif line.provider not in wanted:
            yield f"{line.provider!r:.80} was not among the candidates"
        elif line.provider in seen:
            yield f"{line.provider} is listed twice"
        elif wrong := _wrong_value(line):
            yield f"for {line.provider}, {wrong}"
        else:
            seen.add(line.provider)
    if missing := wanted - seen:
        yield f"{min(missing)} is missing"


def _wrong_value(line: Ranked) -> str | None:
    cost, risk, latency = line.expected_cost_ms, line.failure_probability, line.latency_ms
    if not (_is_number(cost) and _is_number(risk) and _is_number(latency)):
        return (
            f"a number is not valid: expected time {cost!r:.40}, risk {risk!r:.40}, latency "
            f"{latency!r:.40}"
        )
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
    *,
    usual_failure_ms: float | None = math.inf,
) -> Ranking:
    """Build the ranking with this order, which stands; shares and sentence are made for it."""
    return Ranking(
        reason=_sentence(ranked) if ranked else _why_nobody(excluded, valid_until),
        ranked=tuple(ranked),
        usual_failure_ms=usual_failure_ms,
        excluded=tuple(excluded),
        valid_until=valid_until,
        policy=policy,
    )


_failure_ms: Callable[[Candidate], float | None] = attrgetter("failure_ms")


def usual_failure_ms(candidates: Sequence[Candidate]) -> float:
    """Return what failures take: the mean over those that failed; infinity where nobody did."""
    own = [known for known in map(_failure_ms, candidates) if known is not None]
    return math.fsum(own) / len(own) if own else math.inf


def filter_ranking(ranking: Ranking, allowed: Callable[[str], bool] | Collection[str]) -> Ranking:
    """Filter the ranking to the allowed providers; the order stays, the rest is made again."""
    allows = allowed if callable(allowed) else frozenset(allowed).__contains__
    usual = ranking.usual_failure_ms
    return ranking_of(
        [line for line in ranking.ordered if allows(line.provider)],
        [line for line in ranking.excluded if allows(line.provider)],
        ranking.policy,
        ranking.valid_until,
        usual_failure_ms=math.inf if usual is None else usual,  # weights are computed again
    )


def _sentence(ranked: Sequence[Ranked]) -> str:
    """Build the sentence, of names, words and the numbers of the lines themselves only."""
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
    return f"No provider is usable now; this may change at {moment(soonest)}."
