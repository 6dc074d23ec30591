"""The requested period: ``hours`` back, or ``since`` and ``until``."""

import re
from datetime import UTC, datetime, timedelta

import attrs

from api.http.problems import bad_request
from api.http.query import SHOWN, Given, single, whole_number

MOST_HOURS = 168
PARAMETERS = ("hours", "since", "until")
_OFFSET = re.compile(r" (?=\d\d:?\d\d$)")


@attrs.frozen
class TimeSpan:
    """A period that includes both ends. until: None for now."""

    hours: int
    since: datetime
    until: datetime | None


def read_span(given: Given, now: datetime) -> TimeSpan:
    """Raise Problem for an invalid time, a reversed span, or one longer than a week."""
    since, until = _moment(given, "since"), _moment(given, "until")
    if since is None:
        hours = read_hours(given)
        return TimeSpan(hours, (until or now) - timedelta(hours=hours), until)
    if "hours" in given:
        raise bad_request("give hours or since, not both")
    end = until or now
    if since > end:
        later = "until" if until else "now"
        raise bad_request(f"since must not be later than {later}")
    hours = max(-(-(end - since) // timedelta(hours=1)), 1)
    if hours > MOST_HOURS:
        raise bad_request(f"since to until is {hours} hours; at most {MOST_HOURS} are allowed")
    return TimeSpan(hours, since, until)


def read_hours(given: Given) -> int:
    """Read ``hours`` of the query, 24 where it is not given. Raises Problem (400) out of bounds."""
    return whole_number(given, "hours", default=24, least=1, most=MOST_HOURS)


def _moment(given: Given, name: str) -> datetime | None:
    """Parse RFC 3339 or a date, UTC without a zone. A ``+`` that became a blank is restored."""
    text = single(given, name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(_OFFSET.sub("+", text))
        zoned = found.replace(tzinfo=UTC) if found.tzinfo is None else found
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_request(
            f"{name} must be a time such as 2026-03-01T12:00:00Z, or a date, got {text[:SHOWN]!r}"
        ) from None
