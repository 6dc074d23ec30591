"""Which time span is requested."""

from datetime import UTC, datetime, timedelta

import pytest

from api.http.problems import Problem
from api.http.time_span import TimeSpan, read_span

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)


def span(**given: str) -> TimeSpan:
    return read_span({name: [value] for name, value in given.items()}, NOW)


def test_the_default_time_span_is_the_last_day() -> None:
    assert span() == TimeSpan(24, NOW - timedelta(hours=24), None)


def test_hours_count_back_from_until() -> None:
    noon = NOW - timedelta(days=1)
    assert span(hours="2", until="2026-03-07T12:00:00Z") == TimeSpan(
        2, noon - timedelta(hours=2), noon
    )


@pytest.mark.parametrize(
    "text",
    [
        *("2026-03-08T10:30:00Z", "2026-03-08T10:30", "2026-03-08T11:30:00+01:00"),
        *("2026-03-08T11:30:00 01:00", "2026-03-08 10:30:00"),
    ],
)
def test_common_forms_of_a_time_are_accepted(text: str) -> None:
    assert span(since=text) == TimeSpan(2, datetime(2026, 3, 8, 10, 30, tzinfo=UTC), None)


def test_a_date_is_its_midnight_in_utc() -> None:
    found = span(since="2026-03-01", until="2026-03-02")
    assert (found.hours, found.until) == (24, datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"since": "yesterday"}, "since must be a time such as 2026-03-01T12:00:00Z"),
        ({"until": "0001-01-01T00:00:00+23:00"}, "until must be a time"),
        ({"since": "2026-03-08T11:00Z", "until": "2026-03-08T10:00Z"}, "not be later than until"),
        ({"since": "2026-03-09"}, "since must not be later than now"),
        ({"since": "2026-02-01"}, "at most 168 are allowed"),
        ({"since": "2026-03-08", "hours": "3"}, "hours or since, not both"),
    ],
)
def test_an_impossible_time_span_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(Problem, match=said):
        span(**given)
