"""incidents, ack, mute and alerts test, asked of a real tracker."""

from collections.abc import Iterator

import pytest

from api.cli.errors import UsageError
from api.cli.incidents import incidents_table, parse_minutes
from api.cli.terminal import console
from api.schemas import incidents as schemas
from tests.helpers.command_line import Commands, command
from tests.helpers.real_tracker import RealTracker, real_tracker
from tracker.core.redaction import Secret
from tracker.core.settings import ServerSettings

__all__ = ["command"]
TOKEN = {"PROVIDER_STATUS_ADMIN_TOKEN": "right-token-0123"}


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTracker]:
    token = Secret(TOKEN["PROVIDER_STATUS_ADMIN_TOKEN"])
    server = ServerSettings(port=0, admin_token=token)
    with real_tracker(tmp_path_factory.mktemp("asked"), server) as running:
        yield running


def test_incidents_says_when_nothing_is_wrong(command: Commands, tracker: RealTracker) -> None:
    ran = command("incidents", "--url", tracker.url)
    assert (ran.code, ran.out.strip()) == (0, "There were no incidents in the last 168 h.")
    assert command("incidents", "--url", tracker.url, "--json").json["incidents"] == []


def test_a_provider_is_muted_and_unmuted(command: Commands, tracker: RealTracker) -> None:
    ran = command("mute", "groq", "--for", "1h", "--url", tracker.url, **TOKEN)
    assert ran.code == 0
    assert "groq" in command("incidents", "--url", tracker.url, "--json").json["mutes"]
    ran = command("mute", "groq", "--for", "0", "--url", tracker.url, **TOKEN)
    assert "no longer muted" in ran.out
    assert command("incidents", "--url", tracker.url, "--json").json["mutes"] == {}


def test_an_unknown_incident_or_provider_is_wrong_usage(
    command: Commands, tracker: RealTracker
) -> None:
    ran = command("ack", "nope", "--by", "anna", "--url", tracker.url, **TOKEN)
    assert ran.code == 2
    assert "there is no incident 'nope'" in ran.err
    assert command("mute", "nobody", "--for", "5m", "--url", tracker.url, **TOKEN).code == 2


def test_without_a_target_a_test_says_how_to_set_one(
    command: Commands, tracker: RealTracker
) -> None:
    ran = command("alerts", "test", "--url", tracker.url, **TOKEN)
    assert (ran.code, ran.out.strip()) == (
        0,
        "No alert target is configured: set PROVIDER_STATUS_ALERTS.",
    )


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("30s", 0.5), ("30m", 30), ("1h", 60), ("1.5h", 90), ("2d", 2880), ("0", 0)],
)
def test_durations_are_read_as_people_write_them(text: str, minutes: float) -> None:
    assert parse_minutes(text) == pytest.approx(minutes)


@pytest.mark.parametrize("text", ["", "1", "1y", "-1h", "31d", "h"])
def test_an_invalid_duration_is_reported(text: str) -> None:
    with pytest.raises(UsageError, match="give a duration up to 30d"):
        parse_minutes(text)


def test_an_incident_is_a_row_with_its_cause_and_the_targets_informed() -> None:
    told = schemas.Notification(
        target="slack 1", what="opened", at="2026-03-01T12:00:00.000Z", error=""
    )
    one = schemas.Incident(
        id="abc123",
        subject="groq",
        cause="provider",
        provider_name="groq",
        summary="groq is down: server error (503)",
        opened_at="2026-03-01T11:48:00.000Z",
        closed_at="2026-03-01T12:48:05.000Z",
        duration_seconds=3605.0,
        flapping=True,
        acknowledged_by="anna",
        muted_until=None,
        notified=[told],
    )
    listed = schemas.Incidents(hours=168, incidents=[one], mutes={})
    out = console()
    with out.capture() as shown:
        out.print(incidents_table(listed))
    shown_words = " ".join(shown.get().split())  # however wide the terminal is
    for text in ("abc123", "2026-03-01 11:48:00", "1 h 0 min", "slack 1", "anna", "comes and goes"):
        assert text in shown_words
