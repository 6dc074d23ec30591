"""Counts of calls wait for a database that is away, merged by the minute."""

from tests.helpers.calls import call
from tests.helpers.factories import AT_START, START, outcome, provider
from tracker.core.clock import ClockReading
from tracker.core.records import CheckRecord
from tracker.core.traffic import TrafficRecord
from tracker.health.provider_state import ProviderState
from tracker.runtime.traffic import MOST_WAITING, STORE_SECONDS, TrafficRecorder
from tracker.store.backlog import Backlog


def counts(backlog: Backlog) -> list[int]:
    return [record.calls for record in backlog.waiting() if isinstance(record, TrafficRecord)]


def later(seconds: float) -> ClockReading:
    return ClockReading(START, seconds)


def test_counts_are_handed_over_every_ten_seconds() -> None:
    recorder, states = TrafficRecorder(Backlog()), {"groq": ProviderState(provider("groq"))}
    recorder.record([call()], states, AT_START)
    recorder.record([call()], states, later(1.0))
    recorder.record([call()], states, later(2.0))
    assert counts(recorder.backlog) == [1]
    recorder.store(later(STORE_SECONDS))
    assert counts(recorder.backlog) == [1, 2]


def test_while_the_database_is_away_a_minute_stays_one_row() -> None:
    backlog = Backlog()
    recorder, state = TrafficRecorder(backlog), ProviderState(provider("groq"))
    record = state.record_check(outcome(), None, AT_START)
    assert isinstance(record, CheckRecord)
    for _ in range(MOST_WAITING):
        backlog.append(record)
    for n in range(20):
        recorder.record([call()], {"groq": state}, later(n * STORE_SECONDS))
    assert counts(backlog) == []
    recorder.store(later(0.0), always=True)  # the end
    assert counts(backlog) == [20]


def test_calls_of_a_provider_that_a_reload_removed_are_left_out() -> None:
    recorder = TrafficRecorder(Backlog())
    assert not recorder.record([call()], {}, AT_START)
    recorder.store(AT_START, always=True)
    assert counts(recorder.backlog) == []
