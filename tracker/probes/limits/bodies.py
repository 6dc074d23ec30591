"""Rate limits stated in bodies: Google's error details, OpenRouter's headers, Groq's sentence."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from tracker.core.rate_limits import LimitReading
from tracker.probes.error_bodies import error_parts, error_text
from tracker.probes.google_errors import quota_id, quota_window, retry_delay, violations
from tracker.probes.json_values import as_mapping, first
from tracker.probes.limits.headers import header_readings
from tracker.probes.limits.told_times import reset_told, seconds_told
from tracker.probes.limits.values import DAY, HOUR, MINUTE, SECOND, reading, wait

MESSAGE_LENGTH = 1000  # characters of a message read; Groq's has under 350
PACIFIC = ZoneInfo("America/Los_Angeles")  # ai.google.dev/gemini-api/docs/rate-limits

_WINDOWS = {"day": DAY, "hour": HOUR, "minute": MINUTE, "second": SECOND}
# "… on tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in
# 9m38.016s." (Groq, continuedev/continue#10920; OpenAI's says "per min"). Groq states its tokens
# per day only here.
_SENTENCE = re.compile(
    r" on (?P<unit>requests|tokens) per (?P<per>day|hour|min|minute|second) \(\w{1,8}\): "
    r"Limit (?P<limit>\d{1,20}), Used (?P<used>\d{1,20})",
    re.ASCII,
)
# Zhipu's limits, whose resets are in Beijing time (hugalafutro/model-hotel#955).
_BEIJING_CODES = frozenset({"1308", "1310", "1313", "1316"})
# Fields of Codex and of gateways: seconds or a point in time.
_RESETS = (
    "resets_in_seconds",
    "resets_at",
    "reset_at",
    "reset_time",
    "resets_in",
    "reset_after_seconds",
    "reset_after",
)
_WAITS = ("retry_after", "retry_after_seconds")


def body_readings(body: object, *, now: datetime) -> Iterator[LimitReading]:
    """Return every limit an error body tells."""
    error = _error(body)
    delay = retry_delay(error)
    for violation in violations(error):
        if (one := _read_violation(violation, delay, now)) is not None:
            yield one
    if (one := _read_words(error, now)) is not None:
        yield one
    if (one := _allowance(body, now)) is not None:
        yield one
    headers = as_mapping(as_mapping(error.get("metadata")).get("headers"))
    texts = [(name.lower(), value) for name, value in headers.items() if isinstance(value, str)]
    yield from header_readings(texts, now=now, provider="")


def body_retry_after(body: object, *, now: datetime) -> float | None:
    """Return seconds the error asks to wait.

    Until its reset where Google's daily quota is spent.
    """
    error = _error(body)
    if any(quota_window(violation) == "day" for violation in violations(error)):
        return (next_midnight(now, PACIFIC) - now).total_seconds()
    delay = wait(retry_delay(error), now)
    if delay is None:
        delay = _field(body, _WAITS, now)
    if delay is None:
        delay = seconds_told(error_text(body))
    if delay is None:
        delay = _reset(body, now)
    return None if delay is None else max(0.0, delay)


def next_midnight(now: datetime, zone: tzinfo) -> datetime:
    """Return the next midnight there, in the zone of ``now``."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(now.tzinfo)


def _read_violation(
    violation: Mapping[str, Any], delay: object, now: datetime
) -> LimitReading | None:
    """Read a violated quota: nothing is left. A daily one's RetryInfo is wrong and ignored."""
    window = quota_window(violation)
    unit = "tokens" if "Token" in quota_id(violation) else "requests"
    return reading(
        f"{unit}_{window}" if window else unit,
        limit=[violation["quotaValue"]] if "quotaValue" in violation else [],
        remaining=[0],
        reset=[next_midnight(now, PACIFIC).isoformat() if window == "day" else delay],
        window_seconds=_WINDOWS.get(window),
        now=now,
    )


def _read_words(error: Mapping[str, Any], now: datetime) -> LimitReading | None:
    """Read words without a reset: "try again" is when this request fits, not when all is free."""
    found = _SENTENCE.search(_message(error))
    if found is None:
        return None
    window = "minute" if found["per"] == "min" else found["per"]
    return reading(
        f"{found['unit']}_{window}",
        limit=[found["limit"]],
        remaining=[max(int(found["limit"]) - int(found["used"]), 0)],
        window_seconds=_WINDOWS[window],
        now=now,
    )


def _allowance(body: object, now: datetime) -> LimitReading | None:
    """Read an allowance with a stated reset: nothing is left of it until then.

    Not where only a wait of less than a day is asked for: that is when one request would fit.
    """
    seconds = _reset(body, now)
    if seconds is None:
        asked = seconds_told(error_text(body))
        seconds = asked if asked is not None and asked >= DAY else None
    if seconds is None:
        return None
    return reading("allowance", remaining=[0], reset=[seconds], now=now)


def _reset(body: object, now: datetime) -> float | None:
    """Return seconds until the moment that the error names, in a field of its own or in words."""
    field = _field(body, _RESETS, now)
    if field is not None:
        return field
    codes = (part.get("code") for part in error_parts(body))
    beijing = any(isinstance(code, str) and code in _BEIJING_CODES for code in codes)
    return reset_told(error_text(body), now=now, beijing=beijing)


def _field(body: object, names: Sequence[str], now: datetime) -> float | None:
    """Return seconds until the moment in the first of these fields that tells one."""
    told = (part[name] for part in error_parts(body) for name in names if name in part)
    return next((seconds for value in told if (seconds := wait(value, now)) is not None), None)


def _error(body: object) -> Mapping[str, Any]:
    return as_mapping(as_mapping(first(body)).get("error"))


def _message(error: Mapping[str, Any]) -> str:
    message = error.get("message")
    return message[:MESSAGE_LENGTH] if isinstance(message, str) else ""
