"""Reading times in any format that providers use. Total: seconds, or None."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TEXT_LENGTH = 64  # no format takes more than 40 characters; longer text is not a time

_EPOCH_SECONDS, _EPOCH_MILLISECONDS = 1e9, 1e12  # a bare number from here on is a date: 2001
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3}
_UNITS |= {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_NUMBER = re.compile(r"\d{1,20}(?:\.\d{0,20})?|\.\d{1,20}", re.ASCII)
# Every part ends with its unit, so a text can be split into parts in only one way.
_PART = re.compile(r"(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(ns|us|µs|μs|ms|[smhd])", re.ASCII)
_DURATION = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
)


def seconds_until(text: str, *, now: datetime) -> float | None:
    """Return how long after ``now`` the moment is that ``text`` names; negative: it has passed.

    Takes Go and protobuf durations (``2m59.56s``, ``577.5ms``, ``38.2s``), bare numbers (below
    1e9 seconds, below 1e12 epoch seconds, else epoch milliseconds), RFC 3339, and the three forms
    of an HTTP date (RFC 9110, section 5.6.7). None for anything else.
    """
    text = text.strip()
    if len(text) > TEXT_LENGTH:
        return None
    if _NUMBER.fullmatch(text):
        return _of_number(float(text), now)
    if _DURATION.fullmatch(text):
        return sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text))
    moment = _of_rfc3339(text.upper()) or _of_http_date(text)
    return None if moment is None else (moment - now).total_seconds()


def _of_number(value: float, now: datetime) -> float:
    if value < _EPOCH_SECONDS:
        return value
    if value < _EPOCH_MILLISECONDS:
        return value - now.timestamp()
    return value / 1000.0 - now.timestamp()


def _of_rfc3339(text: str) -> datetime | None:
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # for example 31 February
        return None


def _of_http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # what it raises on odd text
        return None
    # asctime's form names no zone; HTTP dates are always GMT.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
