"""The file's configuration with the operators' overrides over it."""

import pytest

from tests.helpers.factories import provider
from tracker.core.records import OverrideRecord
from tracker.core.settings import Config
from tracker.runtime.live_settings import LiveSettings


def settings() -> LiveSettings:
    return LiveSettings(Config(providers=(provider("a", interval_seconds=300.0),)))


def test_an_override_applies_until_null_returns_to_the_file() -> None:
    live = settings()
    tuned, record = live.tune("a", interval_seconds=60.0)
    assert tuned.timing.interval_seconds == record.interval_seconds == 60.0
    assert live.effective.provider("a") == tuned
    assert live.is_overridden(tuned)
    live.tune("a", interval_seconds=None)
    assert live.effective.provider("a").timing.interval_seconds == 300.0
    assert live.overrides == {}


def test_an_impossible_override_changes_nothing() -> None:
    live = settings()
    with pytest.raises(ValueError, match="interval of a must be at least 10 s"):
        live.tune("a", interval_seconds=1.0)
    with pytest.raises(KeyError):
        live.tune("b", interval_seconds=60.0)
    assert live.overrides == {}


def test_an_override_made_before_loading_wins_over_the_stored_one() -> None:
    live = settings()
    live.tune("a", enabled=False)
    stored = OverrideRecord(provider="a", interval_seconds=120.0, enabled=True)
    merged = OverrideRecord(provider="a", interval_seconds=120.0, enabled=False)
    assert list(live.merge_stored({"a": stored})) == [merged]
    assert live.overrides == {"a": merged}
    assert live.stored_known


def test_a_new_file_keeps_the_overrides() -> None:
    live = settings()
    live.tune("a", interval_seconds=60.0)
    live.replace_file(Config(providers=(provider("a", interval_seconds=600.0),)))
    assert live.effective.provider("a").timing.interval_seconds == 60.0
