"""When a rate limit runs out at the present pace: a robust trend over one window. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from statistics import median

import attrs
from attrs.validators import ge

from tracker.core.rate_limits import LimitReading
from tracker.core.validators import is_aware, is_finite

# With fewer, one outlier can turn the median of the slopes.
FEWEST_POINTS = 5
MOST_POINTS = 64  # 2,016 slopes, under a millisecond; at 5 minutes the trend of five hours
# A forecast reaches as far as the reset; when the reset is not known, no further than this.
HORIZON_SECONDS = 30 * 86400.0
# How far one reset may move between two readings: it is sent in whole seconds, over a network.
JITTER_SECONDS = 5.0
# Amounts that are never refilled, so a forecast needs no reset.
NEVER_REFILLED = frozenset({"credits", "balance"})
SOON_INTERVALS = 2.0  # the next check may be the last before it runs out


@attrs.frozen
class Point:
    """How much of a limit was left, and when."""

    at: datetime = attrs.field(validator=is_aware)
    remaining: float = attrs.field(validator=[ge(0.0), is_finite])


def exhausts_at(
    points: Sequence[Point], reset_at: datetime | None, now: datetime
) -> datetime | None:
    """Return when nothing is left if the trend of ``points`` goes on, or None.

    points: of one window, newest last. None where there is no trend (fewer than FEWEST_POINTS
    moments, or what is left does not fall), the reset has passed, or it comes no later than the
    end; with no reset, where the end is beyond HORIZON_SECONDS.
    The slope is the median of all pairwise slopes, unmoved by 29 % of outliers (P. K. Sen,
    JASA 63, 1968); it starts from the newest point.
    """
    if reset_at is not None and reset_at <= now:
        return None
    moments = _lowest_by_moment(points)
    if len(moments) < FEWEST_POINTS:
        return None
    newest, left = moments[-1]
    slope = median((b - a) / (t - s) for (s, a), (t, b) in combinations(moments, 2))
    if not slope < 0.0:  # written this way, NaN (from huge slopes that cancel out) ends here too
        return None
    start = points[0].at + timedelta(seconds=newest)
    until_reset = HORIZON_SECONDS if reset_at is None else (reset_at - start).total_seconds()
    until_end = left / -slope
    return start + timedelta(seconds=until_end) if until_end < until_reset else None


def _lowest_by_moment(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Return seconds since the first point and what was left; of equal moments the least."""
    lowest: dict[float, float] = {}
    for point in points:
        second = (point.at - points[0].at).total_seconds()
        lowest[second] = min(point.remaining, lowest.get(second, point.remaining))
    return sorted(lowest.items())


def runs_out_soon(exhausts: datetime | None, now: datetime, interval_seconds: float) -> bool:
    """Return whether the forecast end comes within two intervals."""
    if exhausts is None:
        return False
    return (exhausts - now).total_seconds() <= SOON_INTERVALS * interval_seconds


@attrs.frozen(kw_only=True)
class LimitSeries:
    """The readings of one limit within its current window, newest last, at most MOST_POINTS.

    began: the time of the first reading in this window; it may have left ``points`` since.
    """

    points: tuple[Point, ...] = ()
    name: str = ""
    began: datetime | None = None
    reset_at: datetime | None = None
    window_seconds: float | None = None

    def after(self, reading: LimitReading, at: datetime) -> "LimitSeries":
        """Add one more reading; begin again where a new window shows. No remaining: unchanged."""
        if reading.remaining is None:
            return self
        is_over = self._is_over(reading, reading.remaining, at)
        kept = () if is_over else self.points
        return LimitSeries(
            points=(*kept, Point(at, reading.remaining))[-MOST_POINTS:],
            name=reading.name,
            began=at if is_over else self.began,
            reset_at=reading.reset_at,
            window_seconds=reading.window_seconds,
        )

    def exhausts_at(self, now: datetime, interval_seconds: float) -> datetime | None:
        """Forecast as the function does, and None where the window refills between two checks.

        A window under two intervals shows us a different window each time. Where neither window
        nor reset is told, what is left may be refilled at any time, unless it is money.
        """
        window = self.window_seconds
        if window is not None and window < 2.0 * interval_seconds:
            return None
        if window is None and self.reset_at is None and self.name not in NEVER_REFILLED:
            return None
        return exhausts_at(self.points, self._resets_at(), now)

    def _resets_at(self) -> datetime | None:
        """Return the reset; if not stated, one window after the first reading at the latest."""
        if self.reset_at is not None or self.window_seconds is None or self.began is None:
            return self.reset_at
        return self.began + timedelta(seconds=min(self.window_seconds, HORIZON_SECONDS))

    def _is_over(self, reading: LimitReading, remaining: float, at: datetime) -> bool:
        """Return whether a new window shows: more is left, its end has passed, or it is another's.

        Where tokens drip back all the time (Groq), the reset is when the limit is full again and
        moves on with use: a reset that comes later is the same window unless it moved by half of
        one. An earlier one cannot be: another key or model answered, or the wall clock was set.
        """
        if not self.points or remaining > self.points[-1].remaining or at < self.points[-1].at:
            return True
        end = self._resets_at()
        if end is not None and at >= end:
            return True
        if self.reset_at is None or reading.reset_at is None:
            return False
        moved = (reading.reset_at - self.reset_at).total_seconds()
        window = reading.window_seconds
        return moved < -JITTER_SECONDS or (window is not None and moved >= window / 2.0)


def follow(
    series: Mapping[str, LimitSeries], readings: Iterable[LimitReading], at: datetime
) -> dict[str, LimitSeries]:
    """Return the series by limit name, with readings told at ``at``.

    Names no longer told are forgotten, so that a provider cannot grow the mapping without end;
    an answer that tells no limit at all changes nothing.
    """
    followed = {one.name: series.get(one.name, LimitSeries()).after(one, at) for one in readings}
    return followed or dict(series)


def earliest_end(
    series: Iterable[LimitSeries], now: datetime, interval_seconds: float
) -> datetime | None:
    """Return when the first of several limits runs out, or None."""
    ends = (one.exhausts_at(now, interval_seconds) for one in series)
    return min((end for end in ends if end is not None), default=None)
