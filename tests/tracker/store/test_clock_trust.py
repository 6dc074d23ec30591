"""A clock that is wrong deletes nothing that is not really old, however long it is wrong."""

from bisect import bisect_left
from collections.abc import Sequence

import attrs
from hypothesis import example, given
from hypothesis import strategies as st

from tracker.store.clock_trust import (
    CORRECTION,
    HOURS_APART,
    MOST_LEAPS,
    ClockComparison,
    ClockRecord,
    ToldTime,
    unobserved_hours,
)

WALL, HOUR, DAY = 1_800_000_000.0, 3_600.0, 86_400.0
SOON = "Fri, 15 Jan 2027 08:00:10 GMT"  # WALL and ten seconds
RETENTION = 7 * DAY
SLACK = 3 * CORRECTION  # smaller changes are corrections, and no leaps


@attrs.define
class Life:
    """A file and its trackers; ``rows``: (time shown, true time). booted: when, by true time."""

    true: float = WALL
    ahead: float = 0.0
    booted: float = WALL - HOUR
    starts: int = 0
    told: bool = False
    record: ClockRecord | None = None
    rows: list[tuple[float, float]] = attrs.field(factory=list)
    deleted: list[float] = attrs.field(factory=list)  # the true ages of rows that were pruned

    def live(self, seconds: float) -> None:
        """Check each hour, and prune each time."""
        self.prune()
        for _ in range(max(int(seconds / HOUR), 1)):
            self.true += min(seconds, HOUR)
            self.rows.append((self.true + self.ahead, self.true))
            self.prune()

    def reboot(self, off: float) -> None:
        self.true += off
        self.booted, self.starts = self.true, self.starts + 1

    def prune(self) -> None:
        now = self.compared()
        last = self.record or ClockRecord.begin(now)
        self.record = last.compare(now, RETENTION)
        kept = self.record.kept(RETENTION)
        assert kept >= 0.0
        before = now.wall - RETENTION - kept
        self.deleted += [self.true - at for stamp, at in self.rows if stamp < before]
        self.rows = [row for row in self.rows if row[0] >= before]

    def compared(self) -> ClockComparison:
        return ClockComparison(
            wall=self.true + self.ahead,
            steady=self.true - self.booted,
            boot=f"start {self.starts}",
            told=self.true if self.told else None,
        )

    def does(self, what: str, value: float) -> None:
        match what:
            case "live":
                self.live(value)
            case "off":  # the tracker, not the machine
                self.true += value
            case "reboot":
                self.reboot(value)
            case "tells":
                self.told = bool(value)
            case _:
                self.ahead = value


spans = st.sampled_from([3.0, 600.0, 3 * HOUR, DAY, 3 * DAY, 9 * DAY])
leaps = st.sampled_from([0.0, HOUR, 12 * HOUR, 23 * HOUR, 2 * DAY, 8 * DAY, 40 * DAY])
events = st.lists(
    st.one_of(
        st.tuples(st.just("live"), spans),
        st.tuples(st.just("off"), spans),
        st.tuples(st.just("reboot"), spans),
        st.tuples(st.just("tells"), st.sampled_from([0.0, 1.0])),
        st.tuples(st.just("ahead"), st.one_of(leaps, leaps.map(lambda each: -each))),
    ),
    max_size=12,
)


@example([("ahead", 23 * HOUR), ("live", 3.0), ("ahead", 0.0), ("ahead", 46 * HOUR)])
@example([("ahead", -20 * HOUR), ("live", DAY), ("ahead", 0.0)])
@example([("reboot", 600.0), ("ahead", 20 * HOUR), ("live", 3.0)])
@example(
    [
        *[("tells", 1.0), ("live", DAY), ("tells", 0.0), ("reboot", 3 * DAY), ("live", HOUR)],
        *[("ahead", -2 * DAY), ("live", DAY), ("ahead", 0.0), ("live", HOUR)],
        *[("tells", 1.0), ("live", 5 * DAY)],
    ]
)
@given(events)
def test_no_row_is_deleted_before_it_is_old_whatever_the_clock_does(
    happened: list[tuple[str, float]],
) -> None:
    life = Life()
    life.live(3 * DAY)
    for what, value in [*happened, ("live", DAY), ("ahead", 0.0), ("live", DAY)]:
        life.does(what, value)
    assert min(life.deleted, default=RETENTION) >= RETENTION - SLACK


@given(events)
def test_whatever_the_clock_did_old_rows_go_once_it_went_evenly_for_the_retention(
    happened: list[tuple[str, float]],
) -> None:
    life = Life()
    life.live(3 * DAY)
    for what, value in [*happened, ("live", HOUR), ("ahead", 0.0), ("live", RETENTION + DAY)]:
        life.does(what, value)
    assert min(stamp for stamp, _ in life.rows) >= life.true - RETENTION - SLACK


@given(st.sampled_from([0.0, 600.0, DAY, 8 * DAY, 30 * DAY]))
def test_what_grew_old_while_the_tracker_was_off_goes_at_once_if_that_is_known(
    off: float,
) -> None:
    for told, what in ((False, "off"), (True, "reboot"), (False, "reboot")):
        life = Life(told=told)
        life.live(9 * DAY)
        life.does(what, off)
        life.live(1.0 if told or what == "off" else RETENTION + HOUR)
        assert max(life.true - at for _, at in life.rows) <= RETENTION + HOUR + SLACK


@given(spans, st.booleans(), st.booleans())
def test_eight_days_ahead_for_any_time_deletes_only_what_has_grown_old(
    seconds: float, told: bool, reboots: bool
) -> None:
    life = Life(told=told)
    life.live(6 * DAY)
    kept = len(life.rows)
    for ahead, lived in ((8 * DAY, seconds), (0.0, 3.0)):
        if reboots:
            life.reboot(60.0)
        life.ahead = ahead
        life.live(lived)
    assert min(life.deleted, default=RETENTION) >= RETENTION - SLACK
    if seconds < DAY:
        assert len([row for row in life.rows if row[0] < WALL + 6 * DAY + 1.0]) == kept


def test_a_file_without_a_record_keeps_what_stands_before_a_gap_until_providers_confirm_it() -> (
    None
):
    for told, kept in ((None, 6 * DAY), (WALL, 6 * DAY), (WALL + 30.0, 0.0), (0.0, 6 * DAY)):
        now = ClockComparison(wall=WALL, steady=5.0, boot="a")
        record = ClockRecord.begin(now, 6 * DAY).compare(now, RETENTION)
        assert record.kept(RETENTION) == 6 * DAY
        right = told == WALL + 30.0
        word = told if right or told is None else told - 6 * DAY
        later = ClockComparison(wall=WALL + 30.0, steady=35.0, boot="a", told=word)
        found = record.compare(later, RETENTION)
        assert abs(found.kept(RETENTION) - kept) < 1.0
        assert found.kept(RETENTION) == 0.0 or not right


@given(st.lists(st.tuples(st.floats(-1e9, 1e10), st.floats(0.0, 1e9), st.floats(-1e10, 1e10))))
def test_no_word_of_providers_deletes_more_than_the_clock_alone(
    readings: Sequence[tuple[float, float, float]],
) -> None:
    record = ClockRecord.begin(ClockComparison(wall=WALL, steady=0.0, boot="a"))
    for wall, steady, told in readings:
        now = ClockComparison(wall=wall, steady=steady, boot="a", told=told)
        record = record.compare(now, RETENTION)
        assert record.kept(RETENTION) >= 0.0
        assert abs(record.offset - record.base) <= CORRECTION + 1.0


def test_a_clock_that_is_set_without_end_needs_little_room() -> None:
    life = Life()
    for turn in range(10 * MOST_LEAPS):
        life.ahead = -HOUR * (turn % 7)
        life.true += 30.0
        life.prune()
    assert life.record is not None
    assert len(life.record.leaps) == MOST_LEAPS
    life.ahead = 0.0
    life.prune()
    assert life.record.kept(RETENTION) >= 6 * HOUR


def test_the_steady_clock_of_another_start_or_an_unknown_one_tells_nothing() -> None:
    record = ClockRecord.begin(ClockComparison(wall=WALL, steady=100.0, boot="a"))
    for boot, steady in (("b", 200.0), ("", 200.0), ("a", 99.0)):
        now = ClockComparison(wall=WALL + HOUR, steady=steady, boot=boot)
        assert not record.is_same_boot(now)
        assert record.compare(now, RETENTION).kept(RETENTION) == HOUR
    now = ClockComparison(wall=WALL + HOUR, steady=100.0 + HOUR, boot="a")
    assert record.leap(now) == 0.0
    assert record.compare(now, RETENTION).kept(RETENTION) == 0.0


def gaps(stamps: list[float], now: float, retention: float = RETENTION) -> int:
    hours = sorted({int(stamp // HOUR) for stamp in stamps})

    def oldest_within(first: int, last: int) -> int | None:
        at = bisect_left(hours, first)
        return hours[at] if at < len(hours) and hours[at] < last else None

    def newest_before(hour: int) -> int | None:
        at = bisect_left(hours, hour)
        return hours[at - 1] if at else None

    return unobserved_hours(int(now // HOUR) + 1, retention / HOUR, oldest_within, newest_before)


def test_a_history_without_gaps_is_pruned_by_the_clock_alone() -> None:
    stamps = [WALL - hours * HOUR for hours in range(0, 24 * 30, HOURS_APART)]
    assert gaps(stamps, WALL) == 0
    assert gaps([], WALL) == 0


def test_the_providers_time_advances_with_the_steady_clock() -> None:
    told = ToldTime()
    assert told.now(5.0) is None
    told.note("a", SOON, 5.0)
    assert told.now(65.0) == WALL + 70.0
    told.note("b", "Thu, 01 Jan 1970 00:00:10 GMT", 5.0)  # a liar in the minority
    told.note("c", SOON, 5.0)
    assert told.now(5.0) == WALL + 10.0


@given(st.text(max_size=60))
def test_any_text_in_the_date_header_is_tolerated(text: str) -> None:
    told = ToldTime()
    told.note("a", text, 0.0)
    told.note("b", SOON, 0.0)
    told.now(1.0)
