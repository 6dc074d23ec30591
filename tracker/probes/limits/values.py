"""Turning the values of one limit, text or JSON, into a plausible reading, or none."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import attrs

from tracker.core.rate_limits import LimitReading
from tracker.probes.limits.durations import seconds_until

SECOND, MINUTE, HOUR, DAY, WEEK = 1.0, 60.0, 3600.0, 86400.0, 604800.0
# A calendar month has no fixed length. The window only decides how long a reading is valid and
# whether it is long compared to an interval; a day more or less does not matter.
MONTH = 30 * DAY
LARGEST = 1e15  # more means "no limit" (2^63 − 1) or is a mistake
HORIZON = 400 * DAY  # the longest window is a year; a reset beyond it is a placeholder

_NUMBER = re.compile(r"\d{1,20}(?:\.\d{0,20})?(?:[eE]\+?\d{1,3})?", re.ASCII)


def amount(value: object) -> float | None:
    """Read a count, 0..LARGEST, out of text or a JSON number; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # Compared before the conversion: an integer of 400 digits does not fit into a float.
        number = float(value) if 0 <= value <= LARGEST else math.nan
    else:
        return None
    return number if 0.0 <= number <= LARGEST else None


def wait(value: object, now: datetime) -> float | None:
    """Return seconds until the moment ``value`` names, as ``seconds_until``.

    Also from a JSON number.
    """
    if isinstance(value, str):
        return seconds_until(value, now=now)
    number = amount(value)
    return None if number is None else seconds_until(f"{number:.6f}", now=now)


def window(value: object) -> float | None:
    """Return a window's length in seconds, or None where it is no length."""
    length = amount(value)
    return length if length is not None and 0.0 < length <= HORIZON else None


def reading(
    name: str,
    *,
    limit: Sequence[object] = (),
    remaining: Sequence[object] = (),
    reset: Sequence[object] = (),
    window_seconds: float | None = None,
    now: datetime,
) -> LimitReading | None:
    """Build one limit out of every value told for it.

    Values that contradict each other are settled with caution: the lowest limit, the lowest
    remaining, the latest reset. None where a value was told and none of its kind is credible
    (negative, no number, a reset beyond HORIZON), or nothing was told at all. A reset that has
    passed, or cannot be read, is not known. More remaining than the limit means all of it.
    """
    limits = [number for value in limit if (number := amount(value)) is not None]
    lefts = [number for value in remaining if (number := amount(value)) is not None]
    waits = [seconds for value in reset if (seconds := wait(value, now)) is not None]
    near = [seconds for seconds in waits if seconds <= HORIZON]
    if (limit and not limits) or (remaining and not lefts) or (waits and not near):
        return None
    reset_after = max(near, default=0.0)
    if not (limits or lefts or reset_after > 0.0):
        return None
    most = min(limits, default=None)
    left = min((*lefts, LARGEST if most is None else most)) if lefts else None
    return LimitReading(
        name=name,
        limit=most,
        remaining=left,
        window_seconds=window_seconds,
        reset_at=now + timedelta(seconds=reset_after) if reset_after > 0.0 else None,
    )


def merge_readings(readings: Iterable[LimitReading]) -> tuple[LimitReading, ...]:
    """Merge into one reading a name, by name.

    Of two for the same, every value the more cautious.
    """
    by_name: dict[str, LimitReading] = {}
    for one in readings:
        other = by_name.get(one.name)
        by_name[one.name] = one if other is None else _cautious(one, other)
    return tuple(by_name[name] for name in sorted(by_name))


def _cautious(one: LimitReading, other: LimitReading) -> LimitReading:
    limit = min(_drop_unknown(one.limit, other.limit), default=None)
    remaining = min(_drop_unknown(one.remaining, other.remaining), default=None)
    if limit is not None and remaining is not None:
        remaining = min(remaining, limit)
    return attrs.evolve(
        one,
        limit=limit,
        remaining=remaining,
        window_seconds=max(_drop_unknown(one.window_seconds, other.window_seconds), default=None),
        reset_at=max((at for at in (one.reset_at, other.reset_at) if at is not None), default=None),
    )


def _drop_unknown(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]
