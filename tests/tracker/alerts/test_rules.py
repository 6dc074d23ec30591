"""What the alerts read in a configuration: addresses, silences and windows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tracker.alerts.maintenance import maintenance_at
from tracker.alerts.rules import AlertRules
from tracker.core.settings import (
    AlertSettings,
    Config,
    MaintenanceWindow,
    Provider,
    ServerSettings,
)

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rules_of(*providers: Provider, **settings: Any) -> AlertRules:
    return AlertRules(Config(providers=providers, **settings))


@pytest.mark.parametrize(
    ("server", "link", "told"),
    [
        (ServerSettings(port=8080), None, "http://127.0.0.1:8080"),
        (ServerSettings(host="::1", port=8080), None, "http://[::1]:8080"),
        (ServerSettings(port=8080, root_path="/status"), None, "http://127.0.0.1:8080/status"),
        (ServerSettings(port=0), None, None),
        (ServerSettings(port=0), "https://status.example", "https://status.example"),
        (ServerSettings(port=8080), "https://status.example", "https://status.example"),
    ],
)
def test_messages_link_to_the_configured_page_or_this_machine(
    server: ServerSettings, link: str | None, told: str | None
) -> None:
    assert rules_of(server=server, alerts=AlertSettings(link=link)).link == told


def test_reminders_can_be_turned_off() -> None:
    assert rules_of(alerts=AlertSettings(reminder_hours=0)).policy.reminder is None
    assert rules_of(alerts=AlertSettings(reminder_hours=2)).policy.reminder == 2 * HOUR


def test_providers_without_messages_are_known_by_name() -> None:
    rules = rules_of(Provider(name="a", alerts=False), Provider(name="b"))
    assert rules.unheard == {"a"}


def test_a_status_page_is_that_of_the_vendor_and_not_of_a_provider_with_its_name() -> None:
    elsewhere = Provider(name="groq", moved=True)
    assert rules_of(Provider(name="groq"), Provider(name="mine")).status_pages.keys() == {"groq"}
    assert rules_of(elsewhere).status_pages == {}


def test_maintenance_of_all_that_are_watched_covers_what_belongs_to_none() -> None:
    window = MaintenanceWindow(providers=("a",), start=NOON, end=NOON + HOUR)
    off = Provider(name="b", enabled=False)
    covers = rules_of(Provider(name="a"), off, maintenance=(window,)).covers(NOON)
    assert [covers("a"), covers("b"), covers(None)] == [True, False, True]
    covers = rules_of(Provider(name="a"), Provider(name="b"), maintenance=(window,)).covers(NOON)
    assert [covers("a"), covers("b"), covers(None)] == [True, False, False]


def test_maintenance_is_computed_again_only_at_the_edge_of_a_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = MaintenanceWindow(providers=("a",), start=NOON, end=NOON + HOUR)
    rules = rules_of(Provider(name="a"), maintenance=(window,))
    computed = []

    def counted(windows: tuple[MaintenanceWindow, ...], now: datetime) -> object:
        computed.append(now)
        return maintenance_at(windows, now)

    monkeypatch.setattr("tracker.alerts.rules.maintenance_at", counted)
    moments = [NOON - HOUR, NOON - HOUR / 2, NOON, NOON + HOUR / 2, NOON + HOUR, NOON + 2 * HOUR]
    assert [rules.maintenance(moment).covers("a") for moment in moments] == [
        *(False, False, True, True, False, False)
    ]
    assert computed == [NOON - HOUR, NOON, NOON + HOUR]
