"""The rate limits a provider stated, from check to check, and which of them still apply."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import attrs

from tracker.core.outcomes import CheckResult
from tracker.core.provider_status import RateLimit
from tracker.core.rate_limits import LimitReading, LimitSource, expiry, worst_percent
from tracker.health.estimates import estimate
from tracker.health.forecast import LimitSeries, earliest_end, follow, runs_out_soon

# A provider that invents a new name at each check must not fill our memory.
MOST_UNTOLD = 24


@attrs.frozen(kw_only=True)
class TimedReading:
    """A reading and its time."""

    reading: LimitReading
    read_at: datetime

    @property
    def ends(self) -> datetime | None:
        """Return when the limit's window ends, None where it does not tell."""
        return expiry(self.reading, self.read_at)

    def holds(self, now: datetime) -> bool:
        """Return whether the reading still says something at this moment."""
        return self.ends is None or now < self.ends


@attrs.frozen(kw_only=True)
class RateLimitState:
    """``ends``: when the first limit runs out at the present pace, computed once a check."""

    held: tuple[TimedReading, ...] = ()
    source: LimitSource = LimitSource.NONE
    series: Mapping[str, LimitSeries] = attrs.field(factory=dict)
    ends: datetime | None = None

    def after(self, finding: CheckResult, now: datetime, interval: float) -> "RateLimitState":
        """Add what one more check told; what it did not mention stays until it expires.

        What never expires stays until the first success that does not mention it: a limit told
        only where it was hit would hold forever.
        """
        if not finding.limits:
            if not self.held or not finding.kind.is_success:
                return self
            return attrs.evolve(self, held=tuple(h for h in self.held if h.ends is not None))
        told = {reading.name for reading in finding.limits}
        kept = tuple(
            h
            for h in self.held
            if h.reading.name not in told and h.ends is not None and h.holds(now)
        )[-MOST_UNTOLD:]
        new = tuple(TimedReading(reading=reading, read_at=now) for reading in finding.limits)
        series = follow(self.series, finding.limits, now)
        return RateLimitState(
            held=kept + new,
            source=finding.limits_source,
            series=series,
            ends=earliest_end(series.values(), now, interval),
        )

    def view(
        self,
        now: datetime,
        *,
        documented: Sequence[LimitReading] = (),
        spent: Callable[[float], int] = lambda _: 0,
        interval_seconds: float = 0.0,
    ) -> RateLimit:
        """Return what is known now: told readings that still hold, else an estimate, else nothing.

        spent: completions of ours in the last so many seconds.
        """
        readings = tuple(h.reading for h in self.held if h.holds(now))
        source = self.source
        if not readings:
            readings = estimate(documented, spent, interval_seconds)
            source = LimitSource.ESTIMATE if readings else LimitSource.NONE
        return RateLimit(
            percent=worst_percent(readings),
            source=source,
            limits=readings,
            exhausts_at=self._end(now) if source is not LimitSource.ESTIMATE else None,
        )

    def runs_out_soon(self, now: datetime, interval: float) -> bool:
        """Return whether a known end lies within the interval, in seconds from now."""
        return runs_out_soon(self._end(now), now, interval)

    def expires_next(self, now: datetime) -> datetime | None:
        """Return when the next of the readings stops to hold."""
        ends = (h.ends for h in self.held if h.holds(now))
        return min((end for end in ends if end is not None), default=None)

    def _end(self, now: datetime) -> datetime | None:
        """Return the forecast, until it has come or the limit it was made for has started again."""
        if self.ends is None or self.ends <= now:
            return None
        return self.ends if any(h.holds(now) for h in self.held) else None
