"""Spans and weekly windows in local time."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.fair_time import fair_ms
from tracker.alerts.maintenance import maintenance_at, spans_around, spans_between
from tracker.core.settings import MaintenanceWindow, WeeklyWindow

BERLIN = "Europe/Berlin"
SUNDAY = frozenset({6})


def weekly(
    start: str, end: str, zone: str = BERLIN, days: frozenset[int] = SUNDAY
) -> MaintenanceWindow:
    minutes = [60 * int(text[:2]) + int(text[3:]) for text in (start, end)]
    return MaintenanceWindow(
        weekly=WeeklyWindow(
            days=days, start_minute=minutes[0], end_minute=minutes[1], timezone=zone
        )
    )


def span_on(window: MaintenanceWindow, day: datetime) -> tuple[str, str]:
    """The span that begins on this day in UTC or the evening before, as hours and minutes."""
    found = [s for s in spans_around(window, day) if abs(s[0] - day) < timedelta(hours=24)]
    ((start, end),) = found
    return f"{start:%H:%M}", f"{end:%H:%M}"


SPRING = datetime(2026, 3, 29, tzinfo=UTC)  # 02:00 becomes 03:00
AUTUMN = datetime(2026, 10, 25, tzinfo=UTC)  # 03:00 becomes 02:00
SUMMER = datetime(2026, 7, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "start", "end", "expected"),
    [
        (SUMMER, "02:00", "04:00", ("00:00", "02:00")),
        (SPRING, "02:00", "04:00", ("01:00", "02:00")),  # one hour is left out
        (SPRING, "02:30", "03:30", ("01:00", "01:30")),  # it begins when the clock is changed
        (SPRING, "02:10", "02:50", ("01:00", "01:50")),  # not lost, though it never is 02:10
        (SPRING, "01:00", "02:30", ("00:00", "01:30")),
        (AUTUMN, "02:00", "04:00", ("00:00", "03:00")),  # one hour comes twice
        (AUTUMN, "01:00", "02:30", ("23:00", "01:30")),
        (SUMMER, "22:00", "24:00", ("20:00", "22:00")),
    ],
)
def test_a_weekly_window_follows_local_time(day: Any, start: str, end: str, expected: Any) -> None:
    assert span_on(weekly(start, end), day) == expected


def test_a_window_over_midnight_holds_on_the_next_day() -> None:
    window = weekly("23:00", "01:00", "UTC")
    for at, inside in (((5, 22), False), ((5, 23), True), ((6, 0), True), ((6, 1), False)):
        moment = datetime(2026, 7, *at, tzinfo=UTC)
        assert maintenance_at([window], moment).everybody is inside


def test_a_span_holds_its_start_but_not_its_end() -> None:
    start, end = SUMMER, SUMMER + timedelta(hours=1)
    window = MaintenanceWindow(providers=("a",), start=start, end=end)
    assert maintenance_at([window], start).covers("a")
    assert not maintenance_at([window], start).covers("b")
    assert not maintenance_at([window], start).covers(None)
    assert not maintenance_at([window], end).covers("a")
    assert maintenance_at([window], start - timedelta(hours=5)).until == start


moments = st.integers(0, 3 * 365 * 86_400).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
zones = st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"])
minutes = st.integers(0, 1439)


@settings(deadline=None)
@given(moments, zones, minutes, minutes.filter(bool), st.frozensets(st.integers(0, 6), min_size=1))
def test_maintenance_does_not_change_before_the_announced_time(
    now: Any, zone: str, start: Any, length: Any, days: Any
) -> None:
    end = (start + length) % 1440
    window = MaintenanceWindow(
        weekly=WeeklyWindow(days=days, start_minute=start, end_minute=end, timezone=zone)
    )
    state = maintenance_at([window], now)
    assert state.until is not None
    assert now < state.until
    for share in (0.25, 0.5, 0.99):
        between = now + (state.until - now) * share
        assert maintenance_at([window], between).everybody is state.everybody


@settings(deadline=None)
@given(moments, zones, minutes, minutes.filter(bool))
def test_a_local_time_within_the_window_is_in_maintenance(
    now: Any, zone: str, start: Any, length: Any
) -> None:
    """Whatever the clock does; a moment of that day, not past midnight."""
    local = now.astimezone(ZoneInfo(zone))
    end = min(start + length, 1440)
    window = MaintenanceWindow(
        weekly=WeeklyWindow(
            days=frozenset({local.weekday()}), start_minute=start, end_minute=end, timezone=zone
        )
    )
    minute = 60 * local.hour + local.minute
    if start <= minute < end:
        assert maintenance_at([window], now).everybody


@settings(deadline=None)
@given(moments, zones, minutes, minutes.filter(bool), st.frozensets(st.integers(0, 6)))
def test_the_listed_spans_are_exactly_the_times_of_maintenance(
    now: Any, zone: str, start: Any, length: Any, days: Any
) -> None:
    window = MaintenanceWindow(
        weekly=WeeklyWindow(
            days=days, start_minute=start, end_minute=(start + length) % 1440, timezone=zone
        )
    )
    until = now + timedelta(days=10)
    found = [*spans_between(window, now, until)]
    assert found == sorted(found)
    assert all(begin < until and end > now for begin, end in found)
    edges = [edge for span in found for edge in span if now <= edge < until]
    for moment in (now, *edges, *(edge - timedelta(seconds=1) for edge in edges if edge > now)):
        inside = any(begin <= moment < end for begin, end in found)
        assert maintenance_at([window], moment).everybody is inside


def test_a_thousand_windows_are_computed_in_no_time() -> None:
    windows = [weekly("02:00", "04:00") for _ in range(1000)]
    began = time.thread_time()
    assert maintenance_at(windows, SPRING + timedelta(minutes=90)).everybody
    assert fair_ms(time.thread_time() - began) < 1_000.0
