"""Incidents and alerts of a whole tracker on virtual time, told to real receivers."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import attrs

from integration.alert_receivers import MAIL, SERVICE, WEBHOOK, Receivers, receivers
from integration.report import expect, say
from tracker.core.redaction import Secret
from tracker.core.settings import (
    AlertSettings,
    AlertTarget,
    Config,
    MaintenanceWindow,
    Provider,
    Timing,
    WeeklyWindow,
)
from tracker.runtime.diagnostics import AlertHealth
from tracker.testing.clocks import START
from tracker.testing.database_file import DatabaseFile
from tracker.testing.fake_checks import FakeCheck
from tracker.testing.machine_runner import quiet
from tracker.testing.provider_behavior import ProviderBehavior
from tracker.testing.tracker_harness import TrackerHarness

MINUTE, HOUR = 60.0, 3600.0
OPENED, REMINDER, RESOLVED = "incident.opened", "incident.reminder", "incident.resolved"
TIMING = Timing(interval_seconds=30.0, timeout_seconds=5.0, recheck_seconds=(2.0, 5.0))
# In Berlin 02:00 to 04:00 on 29 March 2026 is one hour, 01:00 to 02:00 UTC.
SUNDAY_NIGHT = WeeklyWindow(
    days=frozenset({6}), start_minute=120, end_minute=240, timezone="Europe/Berlin"
)


@attrs.define
class Trial:
    """A tracker that has been well for six minutes, and whom it tells."""

    harness: TrackerHarness
    told: Receivers
    counted: AlertHealth = AlertHealth()

    def fails(self, *names: str) -> None:
        for name in names or tuple(self.harness.checks):
            self.harness.checks[name].mood = ProviderBehavior.SERVER_ERROR

    def recovers(self) -> None:
        for check in self.harness.checks.values():
            check.mood = ProviderBehavior.OK

    def passes(self, seconds: float) -> None:
        self.harness.passes(seconds)

    def restarts(self) -> None:
        """In good order; the counts begin again with the process."""
        self.counted = self.counts()
        self.harness.stop()
        self.harness.start()

    def counts(self) -> AlertHealth:
        now = attrs.asdict(self.harness.tracker.health().alerts)
        before = attrs.asdict(self.counted)
        return AlertHealth(**{name: now[name] + before[name] for name in now})

    def expect(self, *kinds: str) -> None:
        """Every receiver got these, in this order, and nothing twice with another key."""
        expect(self.told.kinds(), list(kinds), "what the webhook was told")
        for channel in (MAIL, SERVICE):
            expect(len(self.told.of(channel)), len(kinds), f"messages by {channel}")
        expect(self.told.told_twice(), [], "what was told twice with another key")
        expect(len({each.key for each in self.told.of(WEBHOOK)}), len(kinds), "keys")


def one_outage(trial: Trial) -> None:
    trial.fails()
    trial.passes(4.5 * HOUR)
    trial.expect(OPENED, REMINDER)
    trial.recovers()
    trial.passes(2 * MINUTE)
    trial.expect(OPENED, REMINDER, RESOLVED)


def ten_at_once(trial: Trial) -> None:
    trial.fails()
    trial.passes(10 * MINUTE)
    trial.expect(OPENED)
    trial.recovers()
    trial.passes(2 * MINUTE)
    trial.expect(OPENED, RESOLVED)


def one_of_ten(trial: Trial) -> None:
    """While others serve, it is no reason to wake anybody."""
    trial.fails("a")
    trial.passes(10 * MINUTE)
    trial.recovers()
    trial.passes(2 * MINUTE)
    trial.expect()


def flap(trial: Trial) -> None:
    for _ in range(10):
        trial.fails()
        trial.passes(MINUTE)
        trial.recovers()
        trial.passes(MINUTE)
    trial.expect(OPENED, RESOLVED, OPENED)
    trial.passes(35 * MINUTE)
    trial.expect(OPENED, RESOLVED, OPENED, RESOLVED)


def mute(trial: Trial) -> None:
    """One provider alone: of nothing usable nobody is told in this trial."""
    trial.harness.do(partial(trial.harness.tracker.mute, "a", 60.0))
    trial.fails()
    trial.passes(55 * MINUTE)
    trial.expect()
    trial.passes(10 * MINUTE)
    trial.expect(OPENED)


def daylight_saving_night(trial: Trial) -> None:
    trial.passes(10 * MINUTE)  # 01:06 UTC: the window is open
    trial.fails()
    trial.passes(50 * MINUTE)
    trial.expect()
    trial.passes(10 * MINUTE)  # 02:06: still wrong after it, and it was not before
    trial.expect(OPENED)


def failing_target(trial: Trial) -> None:
    trial.told.status = 500
    trial.fails()
    trial.passes(5 * MINUTE)
    expect(len(trial.told.of(WEBHOOK)), 0, "webhooks taken while it answers 500")
    expect(len(trial.told.of(MAIL)), 1, "mails meanwhile")
    trial.told.status = 204
    trial.passes(10 * MINUTE)
    trial.recovers()
    trial.passes(2 * MINUTE)
    trial.expect(OPENED, RESOLVED)


def restart_during_an_outage(trial: Trial) -> None:
    trial.fails()
    trial.passes(5 * MINUTE)
    trial.restarts()
    trial.passes(10 * MINUTE)
    trial.expect(OPENED)
    trial.recovers()
    trial.passes(2 * MINUTE)
    trial.expect(OPENED, RESOLVED)


@attrs.frozen(kw_only=True)
class Setting:
    """names: of the providers. start: of the wall clock, six minutes before the trial."""

    play: Callable[[Trial], None]
    names: str = "a"
    start: datetime = START
    maintenance: tuple[MaintenanceWindow, ...] = ()
    page: tuple[str, ...] = AlertSettings().page


TRIALS = {
    "one outage": Setting(play=one_outage),
    "ten at once": Setting(play=ten_at_once, names="abcdefghij"),
    "one of ten": Setting(play=one_of_ten, names="abcdefghij"),
    "a flap": Setting(play=flap),
    "a mute": Setting(play=mute, page=("provider",)),
    "a daylight-saving night": Setting(
        play=daylight_saving_night,
        start=datetime(2026, 3, 29, 0, 50, tzinfo=UTC),
        maintenance=(MaintenanceWindow(weekly=SUNDAY_NIGHT),),
    ),
    "a target failing for 5 minutes": Setting(play=failing_target),
    "a restart during an outage": Setting(play=restart_during_an_outage),
}


def play_all() -> None:
    """Raises UnexpectedError at the first thing that is not as promised."""
    for name, setting in TRIALS.items():
        with trial_of(setting) as trial:
            setting.play(trial)
            say(f"{name}: {_words(trial.counts())}; received: {trial.told.counts()}")


def _words(counts: AlertHealth) -> str:
    return ", ".join(
        f"{word} {getattr(counts, word)}"
        for word in ("opened", "sent", "repeated", "resolved", "suppressed", "failed")
    )


@contextmanager
def trial_of(setting: Setting) -> Iterator[Trial]:
    with tempfile.TemporaryDirectory() as folder, receivers(signed=False) as told, quiet():
        disk = DatabaseFile(Path(folder) / "alerts.db")
        targets = tuple(
            AlertTarget(name=f"{url.partition(':')[0]} 1", url=Secret(url)) for url in told.urls
        )
        config = Config(
            database=str(disk.path),
            providers=tuple(Provider(name=name, timing=TIMING) for name in setting.names),
            alerts=AlertSettings(targets=targets, page=setting.page),
            maintenance=setting.maintenance,
        )
        harness = TrackerHarness(config, {name: FakeCheck() for name in setting.names}, disk)
        harness.clock.jump_wall((setting.start - START).total_seconds())
        harness.start()
        try:
            harness.passes(6 * MINUTE)
            yield Trial(harness, told)
        finally:
            harness.host.close()
            disk.close()
