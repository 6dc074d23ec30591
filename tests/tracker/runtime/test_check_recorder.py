"""What actors report becomes rows and state: results, plans, crashes, our own network's faults."""

from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs
from trio.testing import MockClock

from tests.helpers.factories import finding, provider
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.records import CheckRecord, CorrectionRecord
from tracker.core.redaction import Mask, Secret
from tracker.health.provider_state import ProviderState
from tracker.health.status_rules import OUR_NETWORK
from tracker.runtime.change_log import ChangeLog
from tracker.runtime.check_recorder import CheckRecorder
from tracker.runtime.first_sweep import FirstSweep
from tracker.runtime.messages import ActorCrashed, CheckCompleted, CheckRescheduled
from tracker.runtime.traffic import TrafficRecorder
from tracker.store.backlog import Backlog
from tracker.testing import virtual_clock

KEY = Secret("canary-0123456789abcdef")


@attrs.define
class Desk:
    recorder: CheckRecorder

    @classmethod
    def open(cls, *names: str) -> "Desk":
        backlog, sweep = Backlog(), FirstSweep()
        for name in names:
            sweep.expect(name)
        sweep.begin()
        recorder = CheckRecorder(
            providers={name: ProviderState(provider(name)) for name in names},
            clock=virtual_clock(),
            backlog=backlog,
            change_log=ChangeLog(backlog),
            traffic=TrafficRecorder(backlog),
            sweep=sweep,
        )
        for name in names:
            recorder.network.watch(name, f"https://{name}.example/v1", enabled=True)
        return cls(recorder)

    def report(self, name: str, kind: OutcomeKind = OutcomeKind.OK, **more: Any) -> None:
        at = self.recorder.clock.now()
        result = finding(kind, provider=name, at=at, **more)
        self.recorder.handle(CheckCompleted(result=result, next_due=60.0), Mask())

    def crash(self, name: str, *, error: str = "ZeroDivisionError: x", spent: bool) -> None:
        crash = ActorCrashed(provider=name, error=error, trace=error, count=1, spent=spent)
        self.recorder.handle(crash, Mask((KEY,)))

    def rows(self) -> list[CheckResult]:
        waiting = self.recorder.backlog.waiting()
        return [record.result for record in waiting if isinstance(record, CheckRecord)]

    def corrected(self) -> list[str]:
        waiting = self.recorder.backlog.waiting()
        return [record.provider for record in waiting if isinstance(record, CorrectionRecord)]


async def test_a_result_is_stored_judged_and_counted_for_the_first_sweep(
    mock_clock: MockClock,
) -> None:
    desk = Desk.open("a", "b")
    desk.report("a", OutcomeKind.SERVER)
    assert [(row.provider, row.kind) for row in desk.rows()] == [("a", OutcomeKind.SERVER)]
    assert desk.recorder.providers["a"].target.health.consecutive_failures == 1
    assert not desk.recorder.sweep.is_complete()
    desk.report("b")
    assert desk.recorder.sweep.is_complete()


async def test_the_last_report_of_a_removed_provider_is_dropped(mock_clock: MockClock) -> None:
    desk = Desk.open("a")
    desk.report("gone")
    desk.crash("gone", spent=True)
    desk.recorder.handle(CheckRescheduled(provider="gone", next_due=1.0), Mask())
    assert desk.rows() == []


async def test_our_own_network_is_blamed_and_counted_failures_are_corrected(
    mock_clock: MockClock,
) -> None:
    desk = Desk.open("a", "b", "c", "d")
    for name in ("a", "b", "c"):
        desk.report(name, OutcomeKind.DNS, message="no such host")
    states = desk.recorder.providers
    assert [row.kind for row in desk.rows()] == [
        OutcomeKind.DNS,
        OutcomeKind.DNS,
        OutcomeKind.INTERNAL,
    ]
    assert desk.rows()[-1].message == f"{OUR_NETWORK}: no such host"
    assert sorted(desk.corrected()) == ["a", "b"]
    assert [states[name].target.health.consecutive_failures for name in "abc"] == [0, 0, 0]
    assert [states[name].network_away for name in "abcd"] == [True, True, True, False]
    desk.report("d")
    assert not any(state.network_away for state in states.values())


@pytest.mark.parametrize("spent", [False, True])
async def test_a_crash_counts_as_ours_and_shows_no_key(
    mock_clock: MockClock, *, spent: bool
) -> None:
    desk = Desk.open("a")
    desk.recorder.providers["a"].target.next_due = 77.0
    with capture_logs() as logs:
        desk.crash("a", error=f"KeyError: {KEY.reveal()}" + "x" * 500, spent=spent)
    (row,) = desk.rows()
    assert (row.kind, row.requests) == (OutcomeKind.INTERNAL, 0)
    assert KEY.reveal() not in f"{logs}{row.message}"
    assert row.message.startswith("bug in the tracker, the check crashed: KeyError: ***")
    state = desk.recorder.providers["a"]
    assert (state.given_up is not None) == spent
    assert state.target.next_due == (None if spent else 77.0)
    assert state.target.health.consecutive_failures == 0


async def test_a_wait_for_the_next_days_budget_does_not_delay_the_first_sweep(
    mock_clock: MockClock,
) -> None:
    desk = Desk.open("a", "b")
    plan = CheckRescheduled(provider="a", next_due=90.0, waits_for_budget=True)
    desk.recorder.handle(plan, Mask())
    offer = CheckRescheduled(provider="b", next_due=90.0, model="m", waits_for_budget=True)
    desk.recorder.handle(offer, Mask())
    state = desk.recorder.providers["a"]
    assert (state.waits_for_budget, state.target.next_due) == (True, 90.0)
    assert not desk.recorder.sweep.is_complete()
    desk.report("b")
    assert desk.recorder.sweep.is_complete()


async def test_added_and_removed_models_are_recorded(mock_clock: MockClock) -> None:
    desk = Desk.open("a")
    desk.report("a", models=("old", "kept"))
    with capture_logs() as logs:
        desk.report("a", models=("kept", "new"))
    noted = [(line["event"], line["model"]) for line in logs if "model" in line]
    assert noted == [("model removed", "old"), ("model added", "new")]
