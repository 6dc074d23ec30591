"""Scoring each choice of a policy by the next recorded check."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

import attrs

from tracker.core.ranking import Ranking
from tracker.core.settings import Timing
from tracker.ranking import Policy, rank
from tracker.ranking.guard import with_deadline
from tracker.ranking.policy import PolicyError
from tracker.replay.history import WARM_UP, History, RecordedCheck, ReplayError
from tracker.replay.states import ReplayState, StateReplay

# Long enough for any real policy on a busy machine; an endless one is still reported.
PATIENCE_SECONDS = 2.0


@attrs.frozen(kw_only=True)
class Result:
    """How well a policy's choices did; None where nothing could be scored.

    n: choices scored. latency_ms: mean of the answered ones. cost_regret_ms: mean time above that
    of the best possible choice, with the time-out for a failure. switches: how often the choice
    changed to another provider, from the first round on.
    """

    policy: str
    n: int
    success_percent: float | None
    latency_ms: float | None
    cost_regret_ms: float | None
    switches: int

    def as_json(self) -> dict[str, Any]:
        """Return the scores as plain values: percent to 2 decimals, ms to 1."""
        return {
            "policy": self.policy,
            "n": self.n,
            "success_percent": _round(self.success_percent, 2),
            "latency_ms": _round(self.latency_ms, 1),
            "cost_regret_ms": _round(self.cost_regret_ms, 1),
            "switches": self.switches,
        }


@attrs.frozen
class SimulatedCall:
    """The result a call would have had. ``cost`` in ms; None: answered, latency unknown."""

    ok: bool
    cost: float | None


def replay(
    history: History,
    policies: Mapping[str, Policy],
    *,
    warm_up: int = WARM_UP,
    timing: Timing = Timing(),
    timings: Mapping[str, Timing] | None = None,
) -> list[Result]:
    """Return a Result for each policy. ``warm_up``: rounds at the start that are not judged.

    timings: providers' own; timing: of all others. Raises ReplayError, naming the policy that
    fails.
    """
    rerun = StateReplay(timings or {}, timing)
    states = list(rerun.states(history))
    nexts = _next_calls(history, rerun)
    return [
        _result(name, _choices(name, policy, states), nexts, timing, warm_up=warm_up)
        for name, policy in policies.items()
    ]


def rankings(name: str, policy: Policy, states: Iterable[ReplayState]) -> Iterator[Ranking]:
    """Yield what a tracker with this policy would have answered in each state.

    As in the tracker, there is no incumbent to protect before the first sweep ends.
    """
    policy = with_deadline(name, policy, PATIENCE_SECONDS)
    best = None
    try:
        for state in states:
            incumbent = best if state.swept else None
            pool = state.pool
            ranking = rank(pool.candidates, pool.excluded, incumbent, policy, name=name)
            best = ranking.best
            yield ranking
    except PolicyError as error:
        raise ReplayError(str(error)) from error


def _choices(name: str, policy: Policy, states: Sequence[ReplayState]) -> list[str | None]:
    return [ranking.best for ranking in rankings(name, policy, states)]


def _next_calls(history: History, rerun: StateReplay) -> list[dict[str, SimulatedCall]]:
    """Return for each round what each provider's first check after it met."""
    coming: dict[str, SimulatedCall] = {}
    calls = []
    for round_ in reversed(history.rounds):
        calls.append(coming)
        met = {}
        for seen in reversed(round_):
            if not seen.outcome.kind.is_ours:
                timeout = rerun.providers[seen.outcome.provider].provider.timing.timeout_seconds
                met[seen.outcome.provider] = _call(seen, timeout * 1000.0)
        coming = coming | met
    return calls[::-1]


def _call(seen: RecordedCheck, timeout_ms: float) -> SimulatedCall:
    if not seen.outcome.kind.is_success:
        return SimulatedCall(False, timeout_ms)
    return SimulatedCall(True, seen.outcome.latency_ms)


def _result(
    name: str,
    chosen: Sequence[str | None],
    nexts: Sequence[Mapping[str, SimulatedCall]],
    timing: Timing,
    *,
    warm_up: int,
) -> Result:
    nobody = SimulatedCall(
        False, timing.timeout_seconds * 1000.0
    )  # a caller without an answer waits, too
    judged: list[SimulatedCall] = []
    regrets: list[float] = []
    for best, calls in zip(chosen[warm_up:], nexts[warm_up:], strict=True):
        call = nobody if best is None else calls.get(best)
        if call is None or not calls:
            continue  # it was never checked again
        judged.append(call)
        if (regret := _regret(call, calls.values())) is not None:
            regrets.append(regret)
    latencies = [call.cost for call in judged if call.ok and call.cost is not None]
    return Result(
        policy=name,
        n=len(judged),
        success_percent=_mean([100.0 * call.ok for call in judged]),
        latency_ms=_mean(latencies),
        cost_regret_ms=_mean(regrets),
        switches=_switches(chosen[:-1]),  # the last choice meets nothing any more
    )


def _regret(call: SimulatedCall, calls: Collection[SimulatedCall]) -> float | None:
    """Return the cost above that of the best choice; None where either is not known."""
    if call.cost is None:
        return None
    answered = [each.cost for each in calls if each.ok]
    if answered and all(cost is None for cost in answered):
        return None  # others answered, but nobody knows how fast
    costs = [each.cost for each in calls if each.cost is not None]
    return call.cost - min(costs, default=call.cost)


def _switches(chosen: Sequence[str | None]) -> int:
    known = [best for best in chosen if best is not None]
    return sum(one != other for one, other in pairwise(known))


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
