"""[alerts] and [[maintenance]]: every mistake at once, and no secret shown."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tracker.config import read_config
from tracker.config.errors import ConfigError
from tracker.config.show import show_config
from tracker.core.redaction import Mask
from tracker.core.settings import WeeklyWindow

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URLS = (
    "slack://T0ken1234/T0ken5678/abcdefghijklmnop1\nwebhook+https://hooks.example.org/h?k=s3cret99"
)


def read(tmp_path: Path, text: str = "", **environ: str) -> Any:
    file = tmp_path / "tracker.toml"
    file.write_text(f"[tracker]\ndiscover = false\n{text}")
    return read_config(file, environ, dotenv=None)


def problems(tmp_path: Path, text: str = "", **environ: str) -> str:
    with pytest.raises(ConfigError) as wrong:
        read(tmp_path, text, **environ)
    return str(wrong.value)


def test_targets_are_named_by_scheme_and_number(tmp_path: Path) -> None:
    config = read(tmp_path, PROVIDER_STATUS_ALERTS=URLS, PROVIDER_STATUS_ALERT_SECRET=SECRET)
    assert [target.name for target in config.alerts.targets] == ["slack 1", "webhook 1"]
    assert config.alerts.page == ("nothing_usable", "key", "network", "provider")
    assert config.alerts.reminder_hours == 4.0
    shown = repr(config) + str(show_config(config))
    for part in ("T0ken", "abcdefghijklmnop1", "s3cret99", "MfKQ9"):
        assert part not in shown


def test_every_part_of_a_target_is_masked(tmp_path: Path) -> None:
    config = read(tmp_path, PROVIDER_STATUS_ALERTS=URLS, PROVIDER_STATUS_ALERT_SECRET=SECRET)
    mask = Mask(config.secrets())
    for url in URLS.split():
        assert "example" not in mask(url) or "s3cret99" not in mask(url)
    text = "POST /T0ken5678/abcdefghijklmnop1 to T0ken1234 failed; k=s3cret99 " + SECRET
    for part in ("T0ken5678", "abcdefghijklmnop1", "T0ken1234", "s3cret99", SECRET):
        assert part not in mask(text)
    assert mask("127.0.0.1 is down") == "127.0.0.1 is down"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nonsense-s3cret", "it must be a URL"),
        ("https://hooks.example.org/s3cret", "for a webhook, write webhook+https://"),
        ("webhook+http://example.org/s3cret", "only allowed to this machine"),
        ("webhook+http://localhost.example.org/s3cret", "only allowed to this machine"),
        ("webhook+https:///s3cret", "the URL has no host"),
        ("webhook+https://me:s3cret@example.org/", "must not have a user and password"),
        ("webhook+https://example.org:99999/s3cret", "not a URL"),
    ],
)
def test_a_wrong_target_is_named_by_its_number_and_not_shown(
    tmp_path: Path, url: str, problem: str
) -> None:
    text = problems(tmp_path, PROVIDER_STATUS_ALERTS=f"json://x.example {url}")
    assert problem in text
    assert "target 2" in text
    assert "s3cret" not in text


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "LOCALHOST", "localhost.", "x.localhost"])
def test_a_target_on_this_machine_needs_no_tls(tmp_path: Path, host: str) -> None:
    config = read(tmp_path, PROVIDER_STATUS_ALERTS=f"webhook+http://{host}:9/x")
    assert len(config.alerts.targets) == 1


def test_an_unusable_secret_is_refused_and_a_missing_one_causes_a_warning(tmp_path: Path) -> None:
    text = problems(tmp_path, PROVIDER_STATUS_ALERT_SECRET="pass phrase")
    assert "not a Standard Webhooks secret" in text
    assert "pass phrase" not in text
    config = read(tmp_path, PROVIDER_STATUS_ALERTS="webhook+http://127.0.0.1:9/x")
    assert any("unsigned" in warning for warning in config.warnings)


def test_spans_and_weekly_windows_are_read(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [[maintenance]]
        start = 2026-12-01T22:00:00Z
        end = 2026-12-02T02:00:00+01:00
        [[maintenance]]
        weekly = "Fri-Sun,Tue 22:00-06:00"
        timezone = "Europe/Berlin"
        [[maintenance]]
        start = 2026-07-01T10:00:00
        end = 2026-07-01T11:00:00
        timezone = "Europe/Berlin"
        """,
    )
    span, weekly, local = config.maintenance
    assert span.start == datetime(2026, 12, 1, 22, tzinfo=UTC)
    assert weekly.weekly == WeeklyWindow(
        days=frozenset({1, 4, 5, 6}), start_minute=1320, end_minute=360, timezone="Europe/Berlin"
    )
    assert local.start == datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("start = 2026-12-02T00:00:00Z\nend = 2026-12-01T00:00:00Z", "not after start"),
        ("start = 2026-12-02T00:00:00Z", "end: missing"),
        ("", "start: missing"),
        ("start = 2026-12-02\nend = 2026-12-03", "a date and time"),
        ("start = 2026-12-02T00:00:00\nend = 2026-12-03T00:00:00", "no time zone"),
        ("start = 0001-01-01T00:00:00Z\nend = 9999-01-01T00:00:00Z", "its year"),
        ('weekly = "Sun 02:00-04:00"\ntimezone = "Europe/Berln"', "did you mean Europe/Berlin"),
        ('weekly = "Someday 2-4"', "not a weekly window"),
        ('weekly = "Sun 02:00-02:00"', "not a weekly window"),
        ('weekly = "Sun 25:00-26:00"', "not a weekly window"),
        (
            'weekly = "Sun 02:00-04:00"\nstart = 2026-12-02T00:00:00Z',
            "start or end is given as well",
        ),
        ('weekly = "Sun 02:00-04:00"\nproviders = ["grok"]', "did you mean groq"),
        ('weekly = "Sun 02:00-04:00"\nproviders = []', "the list is empty"),
    ],
)
def test_an_invalid_window_is_reported_with_its_place(
    tmp_path: Path, table: str, problem: str
) -> None:
    text = problems(
        tmp_path, f'[[maintenance]]\nweekly="Mon 01:00-02:00"\n[[maintenance]]\n{table}'
    )
    assert "maintenance[1]." in text
    assert problem in text


def test_all_mistakes_of_many_windows_are_reported_together(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        '[alerts]\npage = ["provider", "kee"]\n[[maintenance]]\nstart = 5\nend = 6\n'
        '[[maintenance]]\nweekly = "x"\ncolour = "red"',
    )
    for place in (
        "alerts.page[1]",
        "maintenance[0].start",
        "maintenance[0].end",
        "maintenance[1].weekly",
        "maintenance[1].colour",
    ):
        assert place in text


def test_four_hundred_windows_are_read(tmp_path: Path) -> None:
    config = read(tmp_path, '[[maintenance]]\nweekly = "Sun 02:00-04:00"\n' * 400)
    assert len(config.maintenance) == 400
