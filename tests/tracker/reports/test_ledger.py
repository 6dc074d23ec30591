"""What the ledger concludes from calls, and what it keeps and gives to the store."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.calls import call
from tests.helpers.factories import AT_START, START, outcome
from tracker.core.clock import ClockReading
from tracker.core.outcomes import OutcomeKind
from tracker.core.traffic import HourCount, ModelDay, StoredTraffic, TrafficRecord
from tracker.reports.call import Call, CallOutcome, NeutralOutcome
from tracker.reports.ledger import TrafficConclusion, TrafficLedger
from tracker.reports.provider_traffic import ProviderTraffic
from tracker.reports.unstored import WINDOWS_AT_ONCE
from tracker.reports.windows import MOST_WINDOWS

SERVER = OutcomeKind.SERVER
NONE = frozenset[str]()


def take(ledger: TrafficLedger, *calls: Call, offers: frozenset[str] = NONE) -> TrafficConclusion:
    return ledger.take("groq", calls, AT_START, offers=offers)


def test_a_failure_requests_a_check_until_one_was_made() -> None:
    ledger = TrafficLedger()
    assert take(ledger, call(SERVER)).checks
    ledger.note_check(outcome(after=1.0), AT_START)
    assert not take(ledger, call(SERVER)).checks


def test_a_failure_of_a_watched_offer_counts_for_it_and_requests_both_checks() -> None:
    ledger = TrafficLedger()
    conclusion = take(ledger, *[call(SERVER, model="m")] * 25, offers=frozenset({"m"}))
    assert conclusion.checks == {None: frozenset(), "m": frozenset({"proxy-1"})}
    assert conclusion.failed == {"m"}


def test_failures_of_two_offers_count_for_the_provider_as_well() -> None:
    calls = [call(SERVER, model=model) for model in "mn" for _ in range(25)]
    conclusion = take(TrafficLedger(), *calls, offers=frozenset("mn"))
    assert conclusion.failed == {None, "m", "n"}


def test_a_minute_counts_against_each_once() -> None:
    ledger, offers = TrafficLedger(), frozenset("mn")
    assert take(ledger, *[call(SERVER, model="m")] * 25, offers=offers).failed == {"m"}
    assert take(ledger, *[call(SERVER, model="n")] * 25, offers=offers).failed == {None, "n"}
    assert take(ledger, *[call(SERVER, model="n")] * 25, offers=offers).failed == NONE


def test_an_offers_check_is_saved_by_calls_of_its_model_alone() -> None:
    ledger = TrafficLedger()
    for model in ("m", "n", None):
        ledger.note_check(outcome(after=-10.0, model=model), AT_START)
    take(ledger, *[call(model="m")] * 5, offers=frozenset("mn"))
    skipped = [ledger.skip_check("groq", target, AT_START) for target in ("m", "n", None)]
    assert skipped == [True, False, True]


def test_calls_of_a_model_are_counted_for_a_day() -> None:
    ledger = TrafficLedger()
    take(ledger, call(model="m"), call(SERVER, model="m"), call(model="n"))
    view = ledger.view("groq", AT_START)
    assert view is not None
    assert {(day.model, day.calls, day.failures) for day in view.days} == {("m", 2, 1), ("n", 1, 0)}
    assert [(each.model, each.evidence.last) for each in view.models] == [
        ("m", START),
        ("n", START),
    ]


def test_a_minute_counts_once() -> None:
    ledger = TrafficLedger()
    assert take(ledger, *[call(SERVER)] * 25).failed_minute is not None
    assert take(ledger, *[call(SERVER)] * 25).failed_minute is None


def test_an_old_minute_does_not_count() -> None:
    assert take(TrafficLedger(), *[call(SERVER, after=-200.0)] * 25).failed_minute is None


def test_a_reporter_unconfirmed_three_times_causes_no_check() -> None:
    ledger = TrafficLedger()
    for second in range(3):
        lie = call(SERVER, after=second + 0.5, reporter="liar")
        conclusion = take(ledger, lie)
        assert conclusion.checks
        ledger.accuse("groq", None, conclusion.checks[None])
        ledger.note_check(outcome(after=second + 1.0), AT_START)
    assert not take(ledger, call(SERVER, after=9.0, reporter="liar")).checks
    assert take(ledger, call(SERVER, after=9.0, reporter="honest")).checks
    assert [one.reporter for one in ledger.untrusted(AT_START)] == ["liar"]


def test_a_check_that_says_nothing_confirms_no_report() -> None:
    ledger = TrafficLedger()
    take(ledger, call(SERVER))
    ledger.note_check(outcome(OutcomeKind.INTERNAL, after=1.0), AT_START)
    assert take(ledger, call(SERVER, after=0.5)).checks


def test_three_checks_are_saved_and_then_one_is_made() -> None:
    ledger = TrafficLedger()
    ledger.note_check(outcome(after=-10.0, completions=2), AT_START)
    take(ledger, *[call()] * 5)
    traffic = ledger.traffic("groq")
    assert traffic is not None
    skipped = [ledger.skip_check("groq", None, ClockReading(START, float(n))) for n in range(4)]
    assert skipped == [True, True, True, False]
    view = ledger.view("groq", AT_START)
    assert view is not None
    assert (view.checks_saved_24h, view.completions_saved_24h) == (3, 6)
    assert traffic.saved.within_day(86_402.5) == (0, 0)


def test_the_view_has_calls_failures_and_latency() -> None:
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


def test_without_reports_no_traffic_is_shown() -> None:
    ledger = TrafficLedger()
    ledger.note_check(outcome(), AT_START)
    assert ledger.view("groq", AT_START) is None


def test_invented_models_do_not_fill_the_memory() -> None:
    ledger = TrafficLedger()
    take(ledger, *(call(model=f"m{n}") for n in range(2 * MOST_WINDOWS)))
    counts: list[TrafficRecord] = []
    while (taken := ledger.take_batch(AT_START)) is not None:
        assert len(taken.counts) <= WINDOWS_AT_ONCE
        counts += taken.counts
    assert len(counts) <= MOST_WINDOWS + 1
    assert sum(record.calls for record in counts) == 2 * MOST_WINDOWS


class Bomb:
    """Goes off at the n-th step, once."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def tick(self) -> None:
        self.steps -= 1
        if self.steps == 0:
            raise ZeroDivisionError


class FragileTraffic(ProviderTraffic):
    """Has a bug."""

    def __init__(self, bomb: Bomb) -> None:
        super().__init__()
        self.bomb = bomb

    def add(self, call: Call, now: ClockReading) -> None:
        self.bomb.tick()
        super().add(call, now)

    def add_news(self, call: Call, offers: frozenset[str], news: dict[Any, list[Call]]) -> None:
        self.bomb.tick()
        super().add_news(call, offers, news)


OUTCOMES = st.sampled_from([*OutcomeKind, *NeutralOutcome])
CALLS = st.builds(
    call,
    OUTCOMES,
    after=st.floats(-600.0, 0.0),
    reporter=st.sampled_from("ab"),
    latency_ms=st.none() | st.floats(0.0, 1e6),
)


def test_after_a_restart_the_last_day_is_still_known() -> None:
    before, after = TrafficLedger(), TrafficLedger()
    before.note_check(outcome(after=-10.0, completions=2), AT_START)
    take(before, *[call()] * 5)
    before.skip_check("groq", None, AT_START)
    stored = before.take_batch(AT_START)
    assert stored is not None
    hour = int(START.timestamp() // 3600)
    hours = (HourCount("groq", "m", hour, 5, 1), HourCount("groq", "old", hour - 30, 9, 9))
    after.restore(StoredTraffic(skipped=stored.skipped, hours=hours), ClockReading(START, 5_000.0))
    view = after.view("groq", ClockReading(START, 5_000.0))
    assert view is not None
    assert (view.checks_saved_24h, view.completions_saved_24h) == (1, 2)
    assert ModelDay("m", 5, 1) in view.days
    assert view.evidence.calls == 0
    take(after, call(SERVER))
    view = after.view("groq", ClockReading(START, 5_000.0))
    assert view is not None
    assert ModelDay("m", 6, 2) in view.days


@given(st.lists(CALLS, min_size=1, max_size=8), st.data())
def test_calls_of_a_message_repeated_after_a_crash_are_counted_once(
    calls: list[Any], data: Any
) -> None:
    """The crash is at any call and step; the message is tried once more then."""
    ledger, offers = TrafficLedger(), frozenset("m")
    bomb = Bomb(data.draw(st.integers(1, 2 * len(calls))))
    ledger._providers["groq"] = FragileTraffic(bomb)
    with pytest.raises(ZeroDivisionError):
        ledger.take("groq", calls, AT_START, offers=offers)
    ledger.take("groq", calls, AT_START, offers=offers)
    taken, view = ledger.take_batch(AT_START), ledger.view("groq", AT_START)
    assert taken is not None
    assert sum(record.calls for record in taken.counts) == len(calls)
    assert len(taken.marks) == 8 * len(calls)
    told = 0 if view is None else sum(total.calls for total in view.totals)
    assert len(calls) - 1 <= told <= len(calls)


@given(st.lists(st.lists(CALLS, max_size=8), max_size=6))
def test_every_call_is_stored_once(batches: list[list[Any]]) -> None:
    ledger, stored = TrafficLedger(), 0
    for batch in batches:
        take(ledger, *batch)
        taken = ledger.take_batch(AT_START)
        stored += 0 if taken is None else sum(record.calls for record in taken.counts)
    assert stored == sum(map(len, batches))
    assert ledger.take_batch(AT_START) is None


@given(st.lists(st.tuples(OUTCOMES, st.floats(-300.0, 0.0)), max_size=60))
def test_order_within_a_batch_does_not_matter(told: list[tuple[CallOutcome, float]]) -> None:
    calls = [call(kind, after=after) for kind, after in told]
    one, other = TrafficLedger(), TrafficLedger()
    assert take(one, *calls).checks == take(other, *reversed(calls)).checks
    assert one.view("groq", AT_START) == other.view("groq", AT_START)
