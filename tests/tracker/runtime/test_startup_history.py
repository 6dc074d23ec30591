"""A start waits briefly for the store: later history is taken over while the actors work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.helpers.factories import START, outcome, provider
from tests.helpers.settings_rig import SettingsRig, settings_rig
from tracker.core.clock import ClockReading
from tracker.core.outcomes import OutcomeKind
from tracker.core.records import OverrideRecord
from tracker.core.request_shape import RequestShape
from tracker.health.provider_state import ProviderState
from tracker.health.restoring import StoredProvider
from tracker.health.rolling_statistics import Statistics
from tracker.health.target_state import StoredTarget
from tracker.runtime.history_loader import LOAD_SECONDS, HistoryLoader
from tracker.runtime.messages import HistoryLoaded, Publish
from tracker.runtime.report_receiver import ReportReceiver
from tracker.runtime.restore import RestoredState
from tracker.runtime.startup import Startup
from tracker.store import Store

HOUR = 3_600.0


class ScriptedStore(Store):
    """Never asked: what is read of it is what ``ScriptedLoader`` says."""


@attrs.define(eq=False)
class ScriptedLoader(HistoryLoader):
    """Reads ``soon`` and ``rest`` after so many seconds; away: nothing can be read at first."""

    soon: tuple[float, RestoredState] | None = None
    rest: tuple[float, RestoredState] | None = None
    away: bool = False

    async def run(self) -> None:
        if self.away:
            self._unread = "it is locked"
            self._tried.set()
        if self.soon is not None:
            await trio.sleep(self.soon[0])
            self._first = self.soon[1]
            self._tried.set()
            await self._begun.wait()
        if self.rest is not None:
            await trio.sleep(self.rest[0])
            self._whole = self.rest[1]
            self._unread = ""
            self._tried.set()
            self._whole_read.set()


def stored(*, complete: bool = True, off: str | None = None) -> RestoredState:
    """One failure of "a", half the day's completions, and perhaps a provider switched off."""
    at = ClockReading(START, 0.0)
    failed = ProviderState(provider("a")).record_check(
        outcome(OutcomeKind.SERVER, provider="a"), None, at
    )
    past = StoredProvider(own=StoredTarget(statistics=Statistics(), state=failed.state))
    overrides = {}
    if off is not None:
        overrides[off] = OverrideRecord(provider=off, interval_seconds=None, enabled=False)
    return RestoredState(
        restore=HistoryLoaded(past={"a": past}, complete=complete),
        overrides=overrides,
        completions_today=5,
        learned={"a": {"m": RequestShape()}},
    )


@asynccontextmanager
async def starting(loader: ScriptedLoader) -> AsyncIterator[SettingsRig]:
    """Yield once the tracker has started."""
    async with (
        settings_rig(
            provider("a", interval_seconds=HOUR), provider("b", interval_seconds=HOUR), held=True
        ) as rig,
        trio.open_nursery() as nursery,
    ):
        changes = rig.changes
        receiver = ReportReceiver(
            outbox=changes.mailbox.outbox,
            clock=changes.aggregator.clock,
            providers=lambda: changes.settings.effective.providers,
            mask=lambda: changes.aggregator.mask,
        )
        startup = Startup(changes=changes, history=loader, receiver=receiver, started=trio.Event())
        await startup.start(nursery)
        yield rig
        nursery.cancel_scope.cancel()


def loader(
    soon: tuple[float, RestoredState] | None = None,
    rest: tuple[float, RestoredState] | None = None,
    *,
    away: bool = False,
) -> ScriptedLoader:
    store = ScriptedStore.__new__(ScriptedStore)
    return ScriptedLoader(store, clock=None, soon=soon, rest=rest, away=away)


def failures(rig: SettingsRig) -> int:
    return rig.changes.aggregator.providers["a"].target.health.consecutive_failures


def histories(rig: SettingsRig) -> list[HistoryLoaded]:
    return [message for message in rig.handled if isinstance(message, HistoryLoaded)]


async def test_state_read_in_time_is_applied_before_the_first_snapshot(
    autojump_clock: MockClock,
) -> None:
    async with starting(loader(rest=(LOAD_SECONDS / 2, stored(off="b")))) as rig:
        assert trio.current_time() < LOAD_SECONDS
        assert isinstance(rig.handled[-1], Publish)
        assert failures(rig) == 1
        assert rig.changes.settings.stored_known
        assert rig.writer.remembered.is_set()
        shared = rig.changes.supervisor.shared
        assert shared.learned == {"a": {"m": RequestShape()}}
        assert shared.budget.view(rig.changes.aggregator.clock.now()).spent == 5
        rig.release()
        await trio.sleep(60.0)
        assert "b" not in rig.checked  # switched off by an operator of the run before


async def test_a_slow_store_delays_the_start_by_at_most_its_limit(
    autojump_clock: MockClock,
) -> None:
    async with starting(loader(rest=(60.0, stored(off="b")))) as rig:
        assert trio.current_time() == pytest.approx(LOAD_SECONDS)
        assert [message.complete for message in histories(rig)] == [False]
        rig.release()
        await trio.sleep(1.0)
        assert sorted(rig.checked) == ["a", "b"]
        assert not rig.changes.settings.stored_known
        await trio.sleep(60.0)
        assert rig.changes.settings.stored_known
        assert histories(rig)[-1].complete
        assert rig.changes.supervisor.health()["b"].state == "switched off"
        assert rig.writer.remembered.is_set()


async def test_the_rest_of_a_long_history_follows_its_last_hours(
    autojump_clock: MockClock,
) -> None:
    long = loader(soon=(0.1, stored(complete=False)), rest=(30.0, stored()))
    async with starting(long) as rig:
        assert failures(rig) == 1
        assert [message.complete for message in histories(rig)] == [False]
        assert not rig.writer.remembered.is_set()
        rig.release()
        await trio.sleep(60.0)
        assert [message.complete for message in histories(rig)] == [False, True]
        assert rig.writer.remembered.is_set()
        assert failures(rig) == 0  # its own first check, which no later reading undoes


async def test_with_an_unavailable_store_counting_begins_now(
    autojump_clock: MockClock,
) -> None:
    async with starting(loader(rest=(300.0, stored(off="b")), away=True)) as rig:
        assert trio.current_time() < LOAD_SECONDS
        rig.release()
        await trio.sleep(1.0)
        assert [message.complete for message in histories(rig)] == [True]
        assert sorted(rig.checked) == ["a", "b"]
        await trio.sleep(400.0)
        assert rig.changes.settings.stored_known
        assert rig.changes.supervisor.health()["b"].state == "switched off"
