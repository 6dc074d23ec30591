"""Counts of calls wait for a database that is away, merged by the minute."""

from tests.helpers.calls import call
from tests.helpers.factories import AT_START, START, outcome, provider
from tracker.core.clock import ClockReading
from tracker.core.traffic import TrafficBatch
from tracker.health.provider_state import ProviderState
from tracker.runtime.traffic import STORE_SECONDS, TrafficRecorder
from tracker.store.backlog import Backlog


def counts(backlog: Backlog) -> list[int]:
    batches = (record for record in backlog.waiting() if isinstance(record, TrafficBatch))
    return [sum(count.calls for count in batch.counts) for batch in batches]


def later(seconds: float) -> ClockReading:
    return ClockReading(START, seconds)


def test_counts_are_passed_to_the_store_every_ten_seconds() -> None:
    recorder, states = TrafficRecorder(Backlog()), {"groq": ProviderState(provider("groq"))}
    recorder.record((call(),), states, AT_START)
    recorder.record((call(),), states, later(1.0))
    recorder.record((call(),), states, later(2.0))
    assert counts(recorder.backlog) == [1]
    recorder.backlog.take(1)
    recorder.backlog.done()
    recorder.store(later(STORE_SECONDS))
    assert counts(recorder.backlog) == [2]


def test_while_the_database_is_away_a_minute_stays_one_row() -> None:
    recorder, states = TrafficRecorder(Backlog()), {"groq": ProviderState(provider("groq"))}
    for n in range(20):
        recorder.record((call(),), states, later(n * STORE_SECONDS))
    assert counts(recorder.backlog) == [1]
    recorder.backlog.take(10)
    recorder.record((call(),), states, later(1_000.0))
    assert counts(recorder.backlog) == [1]  # it is still not known to be stored
    recorder.backlog.done()
    recorder.store(later(2_000.0))
    (batch,) = (r for r in recorder.backlog.waiting() if isinstance(r, TrafficBatch))
    assert [count.calls for count in batch.counts] == [20]


def test_calls_of_a_provider_that_a_reload_removed_are_left_out() -> None:
    recorder = TrafficRecorder(Backlog())
    assert not recorder.record((call(),), {}, AT_START)
    recorder.store_all(AT_START)
    assert counts(recorder.backlog) == []


def test_only_providers_with_reported_calls_are_published_again() -> None:
    recorder, states = TrafficRecorder(Backlog()), {"groq": ProviderState(provider("groq"))}
    for name in ("groq", "mistral", "together"):
        recorder.note_check(outcome(provider=name), AT_START)
    recorder.record((call(),), states, AT_START)
    assert recorder.choose_shown(later(60.0), everything=True) == {"groq"}
