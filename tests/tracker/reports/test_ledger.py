"""What the ledger concludes from calls, and what it keeps and gives to the store."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.calls import call
from tests.helpers.factories import AT_START, outcome
from tracker.core.outcomes import OutcomeKind
from tracker.reports.call import Call, CallOutcome, NeutralOutcome
from tracker.reports.ledger import TrafficConclusion, TrafficLedger
from tracker.reports.windows import MOST_WINDOWS

SERVER = OutcomeKind.SERVER


def take(ledger: TrafficLedger, *calls: Call, down: bool = False) -> TrafficConclusion:
    return ledger.take("groq", calls, AT_START, down=down)


def test_a_failure_calls_for_a_check_until_one_was_made() -> None:
    ledger = TrafficLedger()
    assert take(ledger, call(SERVER)).check
    ledger.note_check(outcome(after=1.0), AT_START)
    assert not take(ledger, call(SERVER)).check


def test_a_minute_counts_once() -> None:
    ledger = TrafficLedger()
    assert take(ledger, *[call(SERVER)] * 25).failed_minute is not None
    assert take(ledger, *[call(SERVER)] * 25).failed_minute is None


def test_an_old_minute_does_not_count() -> None:
    assert take(TrafficLedger(), *[call(SERVER, after=-200.0)] * 25).failed_minute is None


def test_who_is_not_confirmed_three_times_calls_for_nothing() -> None:
    ledger = TrafficLedger()
    for second in range(3):
        lie = call(SERVER, after=second + 0.5, reporter="liar")
        conclusion = take(ledger, lie)
        assert conclusion.check
        ledger.accuse("groq", conclusion.accusers)
        ledger.note_check(outcome(after=second + 1.0), AT_START)
    assert not take(ledger, call(SERVER, after=9.0, reporter="liar")).check
    assert take(ledger, call(SERVER, after=9.0, reporter="honest")).check
    assert [one.reporter for one in ledger.untrusted(AT_START)] == ["liar"]


def test_a_check_that_tells_nothing_settles_nothing() -> None:
    ledger = TrafficLedger()
    take(ledger, call(SERVER))
    ledger.note_check(outcome(OutcomeKind.INTERNAL, after=1.0), AT_START)
    assert take(ledger, call(SERVER, after=0.5)).check


def test_three_checks_are_saved_and_then_one_is_made() -> None:
    ledger = TrafficLedger()
    ledger.note_check(outcome(after=-10.0, completions=2), AT_START)
    take(ledger, *[call()] * 5)
    traffic = ledger.traffic("groq")
    assert traffic is not None
    assert [traffic.skip_check(float(n)) for n in range(4)] == [True, True, True, False]
    view = ledger.view("groq", AT_START)
    assert view is not None
    assert (view.checks_saved_24h, view.completions_saved_24h) == (3, 6)
    assert traffic.saved.within_day(86_402.5) == (0, 0)


def test_the_view_tells_calls_failures_and_latency_apart() -> None:
    ledger = TrafficLedger()
    good = call(latency_ms=200.0, ttft_ms=100.0, output_tokens=10)
    take(
        ledger, good, call(SERVER, latency_ms=9_000.0), call(NeutralOutcome.CACHED, latency_ms=0.0)
    )
    view = ledger.view("groq", AT_START)
    assert view is not None
    evidence = view.evidence
    assert (evidence.calls, evidence.counted, evidence.failures) == (3, 2, 1)
    assert evidence.latency_ms is not None
    assert abs(evidence.latency_ms - 200.0) < 5.0
    assert evidence.tokens_per_second == 100.0


def test_nobody_told_of_a_call_so_nothing_is_shown() -> None:
    ledger = TrafficLedger()
    ledger.note_check(outcome(), AT_START)
    assert ledger.view("groq", AT_START) is None


def test_invented_models_do_not_fill_the_memory() -> None:
    ledger = TrafficLedger()
    take(ledger, *(call(model=f"m{n}") for n in range(2 * MOST_WINDOWS)))
    records = ledger.take_records()
    assert len(records) <= MOST_WINDOWS + 1
    assert sum(record.calls for record in records) == 2 * MOST_WINDOWS


OUTCOMES = st.sampled_from([*OutcomeKind, *NeutralOutcome])
CALLS = st.builds(
    call,
    OUTCOMES,
    after=st.floats(-600.0, 0.0),
    reporter=st.sampled_from("ab"),
    latency_ms=st.none() | st.floats(0.0, 1e6),
)


@given(st.lists(st.lists(CALLS, max_size=8), max_size=6))
def test_every_call_is_stored_once(batches: list[list[Any]]) -> None:
    ledger, stored = TrafficLedger(), 0
    for batch in batches:
        take(ledger, *batch)
        stored += sum(record.calls for record in ledger.take_records())
    assert stored == sum(map(len, batches))
    assert ledger.take_records() == ()


@given(st.lists(st.tuples(OUTCOMES, st.floats(-300.0, 0.0)), max_size=60))
def test_order_within_a_batch_does_not_matter(told: list[tuple[CallOutcome, float]]) -> None:
    calls = [call(kind, after=after) for kind, after in told]
    one, other = TrafficLedger(), TrafficLedger()
    assert take(one, *calls).check == take(other, *reversed(calls)).check
    assert one.view("groq", AT_START) == other.view("groq", AT_START)
