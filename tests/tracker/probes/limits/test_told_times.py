"""tracker.probes.limits.told_times: times in sentences."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.probes.limits.readings import read_limits
from tracker.probes.limits.told_times import reset_told, seconds_told
from tracker.probes.limits.values import DAY, HORIZON, HOUR, MINUTE, WEEK

NOW = datetime(2026, 3, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in 1h2m3s.", HOUR + 2 * MINUTE + 3),
        ("Please try again in 9m38.016s. Need more?", 9 * MINUTE + 38.016),
        ("try again in 12ms", 0.012),
        ("Resets in 13 days. To continue using this model now", 13 * DAY),
        ("try again in 5 days 22 hours 11 minutes.", 5 * DAY + 22 * HOUR + 11 * MINUTE),
        ("Please retry in 33.2s", 33.2),
        ("Please retry after 2 seconds.", 2),
        ("wait for 1 week, and 2 days", WEEK + 2 * DAY),
        ("Come back in 3h 47m", 3 * HOUR + 47 * MINUTE),
        ("It took 30 s", None),
        ("try again in a moment", None),
        ("try again in 5 pages", None),
        ("try again later", None),
        ("", None),
    ],
)
def test_a_wait_is_read(text: str, seconds: float) -> None:
    assert seconds_told(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("You will regain access on 2026-04-01 at 00:00 UTC.", datetime(2026, 4, 1, tzinfo=UTC)),
        ("resets at 2026-03-23T05:00:00Z", datetime(2026, 3, 23, 5, tzinfo=UTC)),
        ("try again after 2026-03-23 01:00:00 +02:00", datetime(2026, 3, 22, 23, tzinfo=UTC)),
        ("您的限额将在 2026-03-25 08:00:00 重置。", datetime(2026, 3, 25, tzinfo=UTC)),
        ("reset at 2026-03-20T05:00:00Z", None),
        ("The model will be retired on 2026-12-31.", None),
        ("reset at 2026-02-31", None),
        ("reset at 2999-01-01", None),
    ],
)
def test_a_moment_is_read(text: str, moment: Any) -> None:
    seconds = reset_told(text, now=NOW)
    assert seconds == (None if moment is None else (moment - NOW).total_seconds())


def test_a_time_without_a_zone_is_beijings_where_the_code_is_zhipus() -> None:
    said = "Usage limit reached for 5 hour. Your limit will reset at 2026-03-22 21:30:00"
    body = {"error": {"code": "1308", "message": said}}
    limits = read_limits((), body, now=NOW)
    assert [limit.reset_at for limit in limits.readings] == [NOW + timedelta(hours=1.5)]
    assert limits.retry_after == 1.5 * HOUR


@pytest.mark.parametrize(
    "fields",
    [
        {"message": "Monthly usage limit reached. Resets in 13 days."},
        {"message": "spent", "resets_in_seconds": 13 * DAY},
        {"message": "spent", "resets_at": (NOW + timedelta(days=13)).timestamp()},
        {"message": "spent", "details": {"reset_at": "2026-04-04T12:00:00Z"}},
    ],
)
def test_a_reset_days_ahead_is_read_in_full(fields: dict[str, Any]) -> None:
    limits = read_limits((), {"error": fields}, now=NOW)
    assert [(one.remaining, one.reset_at) for one in limits.readings] == [
        (0.0, NOW + timedelta(days=13))
    ]
    assert limits.retry_after == DAY  # still asked again once a day


@pytest.mark.parametrize("name", ["retry_after", "retry_after_seconds"])
def test_a_wait_in_a_field_is_read(name: str) -> None:
    limits = read_limits((), {"error": {"message": "no", name: 7}}, now=NOW)
    assert (limits.readings, limits.retry_after) == ((), 7.0)


def test_a_short_wait_is_no_reset() -> None:
    limits = read_limits((), {"error": {"message": "Please try again in 2s."}}, now=NOW)
    assert limits.readings == ()
    assert limits.retry_after == 2.0


@given(st.text(max_size=400), st.booleans())
def test_any_text_is_read(text: str, beijing: bool) -> None:
    assert (seconds_told(text) or 0.0) >= 0.0
    assert 0.0 <= (reset_told(text, now=NOW, beijing=beijing) or 0.0) <= HORIZON
