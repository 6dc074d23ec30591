"""Rate-limit readings, the use of the worst one, and how long each reading is valid. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import attrs
from attrs.validators import ge, min_len, optional

from tracker.core.validators import is_aware, is_finite


@attrs.frozen(kw_only=True)
class LimitReading:
    """One rate limit, as the provider stated it or as we estimate it.

    limit and remaining in the limit's own unit (requests, tokens, credits); window in seconds.
    """

    name: str = attrs.field(validator=min_len(1))
    limit: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    remaining: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    window_seconds: float | None = attrs.field(default=None, validator=optional(is_finite))
    reset_at: datetime | None = attrs.field(default=None, validator=optional(is_aware))

    @property
    def used_percent(self) -> float | None:
        """Return 0..100, None where limit or remaining is unknown. A limit of 0 is all used."""
        if self.limit is None or self.remaining is None:
            return None
        if self.limit == 0:
            return 100.0
        return 100.0 * (1.0 - min(self.remaining / self.limit, 1.0))


class LimitSource(StrEnum):
    HEADERS = "headers"
    BODY = "body"
    ESTIMATE = "estimate"
    NONE = "none"


def worst_percent(readings: Iterable[LimitReading]) -> float:
    """Return how far the limit closest to its end is used, 0..100.

    0.0 where none tells (CONTRACT, 1).
    """
    used = (reading.used_percent for reading in readings)
    return max((percent for percent in used if percent is not None), default=0.0)


def expiry(reading: LimitReading, read_at: datetime) -> datetime | None:
    """Return when a reading stops to say anything; None: never.

    Once its reset has passed, or a whole window since it was read, a limit has started again and
    nobody knows what is left of it.
    """
    ends = [] if reading.reset_at is None else [reading.reset_at]
    if reading.window_seconds is not None:
        ends.append(read_at + timedelta(seconds=reading.window_seconds))
    return min(ends, default=None)
