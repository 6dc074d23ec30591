"""A batch is opened only while its ids can be remembered, whatever the wall clock does."""

from datetime import timedelta

from msgspec import Raw

from tests.helpers.calls import batch, report, take
from tests.helpers.factories import START, provider
from tracker.core.clock import ClockReading
from tracker.reports.intake import SLICE, SLICE_BYTES, ReportIntake, slices
from tracker.reports.seen import HOUR, SHARDS, SHARDS_AT_ONCE, SeenReports, mark_of, pack_marks

GROQ = provider("groq")


def test_a_full_memory_refuses_new_batches_and_forgets_no_id() -> None:
    intake = ReportIntake(seen=SeenReports(limit=2))
    assert len(take(batch(report("a"), report("b")), GROQ, intake=intake).calls) == 2
    _, admission = intake.open(batch(report("c")), ClockReading(START, 1.0))
    assert not admission.taken
    assert admission.retry_after > 0.0
    assert intake.open(batch(), ClockReading(START, 2.0))[1].taken


def test_a_full_memory_accepts_again_once_yesterdays_ids_are_forgotten() -> None:
    intake = ReportIntake(seen=SeenReports(limit=1))
    take(batch(report("a")), GROQ, intake=intake)
    tomorrow = ClockReading(START + timedelta(hours=26), 26 * HOUR)
    for _ in range(SHARDS // SHARDS_AT_ONCE):  # each refused batch makes some room
        intake.open(batch(report("b")), tomorrow)
    assert intake.open(batch(report("b")), tomorrow)[1].taken


def test_a_jump_of_the_wall_clock_forgets_nothing() -> None:
    intake = ReportIntake()
    before = intake.hour(ClockReading(START, 0.0))
    assert intake.hour(ClockReading(START + timedelta(days=9), 1.0)) == before
    assert intake.hour(ClockReading(START - timedelta(days=9), HOUR)) == before + 1


def test_ids_of_before_the_start_are_known_beside_those_since() -> None:
    intake, stored = ReportIntake(), SeenReports()
    now = ClockReading(START, 0.0)
    stored.restore([(intake.hour(now), pack_marks([mark_of("proxy-1", "old")]))], intake.hour(now))
    take(batch(report("new")), GROQ, intake=intake)
    intake.restore(stored, now)
    read = take(batch(report("old"), report("new"), report("other")), GROQ, intake=intake)
    assert [refused.id for refused in read.refused] == ["old", "new"]


def test_a_slice_has_few_reports_and_few_bytes() -> None:
    short = [Raw(b'{"id":"%d"}' % number) for number in range(3 * SLICE + 1)]
    assert [len(taken) for taken in slices(short)] == [SLICE, SLICE, SLICE, 1]
    long = [Raw(b'"%s"' % (b"x" * SLICE_BYTES))] * 3
    assert [len(taken) for taken in slices([*short[:2], *long])] == [3, 1, 1]
    assert [raw for taken in slices(short) for raw in taken] == short
    assert not [*slices([])]
