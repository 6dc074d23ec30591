"""Rate limits hit by real calls, each for its key and model until its reset. Pure."""

from collections.abc import Collection

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import OutcomeKind
from tracker.health.health_state import blocked_for
from tracker.health.schedule import UNTOLD_RESET_SECONDS
from tracker.reports.call import Call

# For a used-up allowance or credit without a known reset: a daily one may be renewed within the
# hour, and a successful call ends it immediately.
UNTOLD_QUOTA_SECONDS = 3600.0
MOST_LIMITS = 1_000  # models are free text
ANY_KEY, ANY_MODEL = 0, ""


@attrs.frozen(kw_only=True)
class CallLimit:
    """``until``: steady seconds. ``told``: stated by the provider; otherwise a success ends it."""

    until: float
    told: bool
    kind: OutcomeKind


@attrs.define(eq=False)
class CallLimits:
    """The limits of one provider by key number and model; 0 and "" mean all."""

    _held: dict[tuple[int, str], CallLimit] = attrs.field(factory=dict)

    def add(self, call: Call, now: ClockReading) -> None:
        """Apply the limits a call reports; a success ends a guessed one."""
        place = (call.key or ANY_KEY, call.model)
        if call.limit is not None and (limit := _limit_of(call, now)) is not None:
            self._held.pop(place, None)
            self._held[place] = limit
            while len(self._held) > MOST_LIMITS:
                del self._held[next(iter(self._held))]
        elif call.is_success:
            held = self._held.get(place)
            if held is not None and not held.told:
                del self._held[place]

    def barred_until(
        self, now: float, *, keys: int, models: Collection[str]
    ) -> tuple[float, OutcomeKind] | None:
        """Return until when every key is barred for every model, and by what; None: not so.

        keys: how many there are. models: those that are called.
        """
        numbers = range(1, max(keys, 1) + 1)
        ends = [self._end(key, model, now) for key in numbers for model in models or (ANY_MODEL,)]
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        first = min(known, key=lambda limit: limit.until)
        return first.until, first.kind

    def _end(self, key: int, model: str, now: float) -> CallLimit | None:
        places = {(k, m) for k in (key, ANY_KEY) for m in (model, ANY_MODEL)}
        held = [limit for place in places if (limit := self._held.get(place)) is not None]
        return max((one for one in held if one.until > now), key=lambda o: o.until, default=None)


def _limit_of(call: Call, now: ClockReading) -> CallLimit | None:
    """Read a limit by the rule for checks; what was told counts from the call's own time."""
    told = call.limit
    if told is None:
        return None
    seconds = blocked_for(told, now.at)
    if seconds is not None:
        if told.retry_after is not None and told.kind.is_limit:
            seconds -= now.at.timestamp() - call.at
        return CallLimit(until=now.steady + seconds, told=True, kind=told.kind)
    if not told.kind.is_limit:
        return None
    guess = UNTOLD_RESET_SECONDS
    if told.kind is OutcomeKind.QUOTA_EXHAUSTED:
        guess = UNTOLD_QUOTA_SECONDS
    elapsed = now.at.timestamp() - call.at
    return CallLimit(until=now.steady + guess - elapsed, told=False, kind=told.kind)
