"""Listing of maintenance: spans, weekly windows as spans, and not too many."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from api.app import create_app
from api.routes.maintenance import MOST
from tests.helpers.idle_tracker import FakeTracker, a_provider, a_tracker
from tests.helpers.turns import counted_turns
from tracker.core.settings import MaintenanceWindow, WeeklyWindow

NOW = datetime.now(UTC)
DAILY = WeeklyWindow(
    days=frozenset(range(7)), start_minute=120, end_minute=240, timezone="Europe/Berlin"
)


def maintained(*windows: MaintenanceWindow) -> FakeTracker:
    tracker = a_tracker(a_provider())
    tracker.config = attrs.evolve(tracker.config, maintenance=windows)
    return tracker


def span(hours: float, *providers: str) -> MaintenanceWindow:
    start = NOW + timedelta(hours=hours)
    return MaintenanceWindow(providers=providers, start=start, end=start + timedelta(hours=2))


async def told(tracker: FakeTracker) -> list[Any]:
    response = await create_app(tracker).test_client().get("/api/maintenance")
    assert response.status_code == 200
    found: list[Any] = (await response.get_json())["maintenance"]
    return found


async def test_without_configured_windows_there_is_no_maintenance() -> None:
    assert await told(maintained()) == []


async def test_current_recent_and_coming_windows_are_listed_by_their_end() -> None:
    windows = (span(24), span(-1, "groq"), span(-24), span(-24 * 9), span(24 * 15))
    found = await told(maintained(*windows))
    assert [each["providers"] for each in found] == [[], ["groq"], []]
    assert [each["end"] for each in found] == sorted(each["end"] for each in found)
    assert not any(each["weekly"] for each in found)


async def test_a_weekly_window_is_listed_as_its_spans() -> None:
    found = await told(maintained(MaintenanceWindow(weekly=DAILY)))
    assert 21 <= len(found) <= 23
    assert all(each["weekly"] for each in found)


async def test_maintenance_is_304_until_a_window_changes() -> None:
    client = create_app(maintained(span(1))).test_client()
    first = await client.get("/api/maintenance")
    again = await client.get("/api/maintenance", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


async def test_four_hundred_daily_windows_let_others_run_and_are_cut() -> None:
    tracker = maintained(*(MaintenanceWindow(weekly=DAILY) for _ in range(400)))
    async with counted_turns() as turns:
        found = await told(tracker)
    assert len(found) == MOST
    assert turns.taken >= 20
