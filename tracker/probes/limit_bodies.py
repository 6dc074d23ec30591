"""Rate limits told in bodies: Google's error details, OpenRouter's headers inside its errors."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tracker.probes.limit_headers import header_readings
from tracker.probes.limit_values import DAY, HOUR, MINUTE, SECOND, reading, wait
from tracker.reports import LimitReading

DETAILS = 32  # as many details or violations are read; real errors have under ten
PACIFIC = ZoneInfo("America/Los_Angeles")  # ai.google.dev/gemini-api/docs/rate-limits

_PER = re.compile(r"Per(Day|Hour|Minute|Second)(?![a-z])")
_WINDOWS = {"Day": DAY, "Hour": HOUR, "Minute": MINUTE, "Second": SECOND}


def body_readings(body: object, *, now: datetime) -> Iterator[LimitReading]:
    """Every limit an error body tells."""
    error = _error(body)
    delay = _retry_delay(error)
    for violation in _violations(error):
        if (one := _violated(violation, delay, now)) is not None:
            yield one
    headers = _mapping(_mapping(error.get("metadata")).get("headers"))
    texts = [(name.lower(), str(value)) for name, value in headers.items() if _is_scalar(value)]
    yield from header_readings(texts, now=now, dialect="")


def body_retry_after(body: object, *, now: datetime) -> float | None:
    """Seconds Google asks to wait; until its daily quota's reset where that one is spent."""
    error = _error(body)
    if any("PerDay" in _quota_id(violation) for violation in _violations(error)):
        return (next_midnight(now, PACIFIC) - now).total_seconds()
    delay = wait(_retry_delay(error), now)
    return None if delay is None else max(0.0, delay)


def next_midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """The next midnight there, in the zone of ``now``."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(now.tzinfo)


def _violated(violation: Mapping[str, Any], delay: object, now: datetime) -> LimitReading | None:
    """A violated quota has nothing left. RetryInfo's delay is wrong for a daily one: ignored."""
    quota = _quota_id(violation)
    per = _PER.search(quota)
    unit = "tokens" if "Token" in quota else "requests"
    daily = per is not None and per[1] == "Day"
    return reading(
        f"{unit}_{per[1].lower()}" if per else unit,
        limit=[violation["quotaValue"]] if "quotaValue" in violation else [],
        remaining=[0],
        reset=[next_midnight(now, PACIFIC).isoformat() if daily else delay],
        window_seconds=_WINDOWS[per[1]] if per else None,
        now=now,
    )


def _error(body: object) -> Mapping[str, Any]:
    """The error object; Google wraps a stream's in a list."""
    if isinstance(body, list) and body:
        body = body[0]
    return _mapping(_mapping(body).get("error"))


def _details(error: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    details = error.get("details")
    for detail in details[:DETAILS] if isinstance(details, list) else ():
        if str(_mapping(detail).get("@type", "")).endswith(f"google.rpc.{kind}"):
            yield detail


def _violations(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for failure in _details(error, "QuotaFailure"):
        violations = failure.get("violations")
        yield from map(_mapping, violations[:DETAILS] if isinstance(violations, list) else ())


def _retry_delay(error: Mapping[str, Any]) -> object:
    delays = (info.get("retryDelay") for info in _details(error, "RetryInfo"))
    return next((delay for delay in delays if delay is not None), None)


def _quota_id(violation: Mapping[str, Any]) -> str:
    quota = violation.get("quotaId")
    return quota[:200] if isinstance(quota, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
