"""A clock that is wrong deletes nothing that is not really old, however long it is wrong."""

from bisect import bisect_left

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tracker.store.clock_trust import (
    CORRECTION,
    HOURS_APART,
    ClockTrust,
    ToldTime,
    prunable_before,
    unobserved_hours,
)

WALL, HOUR, DAY = 1_800_000_000.0, 3_600.0, 86_400.0
SOON = "Fri, 15 Jan 2027 08:00:10 GMT"  # WALL and ten seconds
RETENTION = 7 * DAY


@given(st.floats(-10 * DAY, 10 * DAY).filter(lambda leap: abs(leap) > 2 * CORRECTION))
def test_a_jump_is_not_trusted_at_once_but_a_regular_clock_is(leap: float) -> None:
    trust = ClockTrust()
    assert not trust.doubt(WALL, 0.0)
    assert not trust.doubt(WALL + 600.0, 600.0)
    assert "jumped" in trust.doubt(WALL + 1_200.0 + leap, 1_200.0)
    assert not trust.doubt(WALL + 1_800.0 + leap, 1_800.0)


@given(st.lists(st.floats(-24 * HOUR, 24 * HOUR), max_size=8), st.floats(0.0, 6 * DAY))
def test_no_leaps_of_a_day_or_less_delete_anything_early_while_it_runs(
    leaps: list[float], later: float
) -> None:
    trust, steady, ahead = ClockTrust(), 0.0, 0.0
    trust.doubt(WALL, 0.0)
    for leap in leaps:
        steady, ahead = steady + 600.0, ahead + leap
        trust.doubt(WALL + steady + ahead, steady)
    steady += later
    assert not trust.doubt(WALL + steady + ahead, steady)
    found = trust.ahead(steady, RETENTION)
    before = prunable_before(WALL + steady + ahead, None, RETENTION, found)
    assert before <= WALL + steady - RETENTION + CORRECTION * len(leaps)
    confirmed = prunable_before(WALL + steady + ahead, WALL + steady + ahead, RETENTION, found)
    assert confirmed == WALL + steady + ahead - RETENTION  # where others say so it is the time


def test_a_leap_is_over_once_the_retention_was_lived_through_and_a_long_one_leaves_a_gap() -> None:
    trust = ClockTrust()
    trust.doubt(WALL, 0.0)
    trust.doubt(WALL + 600.0 + 20 * HOUR, 600.0)
    assert trust.ahead(1_200.0, RETENTION) == 20 * HOUR
    assert trust.ahead(600.0 + RETENTION + 1.0, RETENTION) == 0.0
    trust.doubt(WALL + 1_200.0 + 20 * HOUR + 8 * DAY, 1_200.0)
    assert trust.ahead(1_200.0, RETENTION) == 20 * HOUR
    trust.doubt(WALL + 1_800.0 + 8 * DAY, 1_800.0)
    assert trust.ahead(1_800.0, RETENTION) == 0.0


def gaps(stamps: list[float], now: float, retention: float = RETENTION) -> int:
    hours = sorted({int(stamp // HOUR) for stamp in stamps})

    def oldest_within(first: int, last: int) -> int | None:
        at = bisect_left(hours, first)
        return hours[at] if at < len(hours) and hours[at] < last else None

    def newest_before(hour: int) -> int | None:
        at = bisect_left(hours, hour)
        return hours[at - 1] if at else None

    return unobserved_hours(int(now // HOUR) + 1, retention / HOUR, oldest_within, newest_before)


@attrs.define
class Life:
    """A tracker whose clock is set at will and which may be off; ``rows``: (stamp, true time)."""

    true: float = WALL
    ahead: float = 0.0
    rows: list[tuple[float, float]] = attrs.field(factory=list)
    deleted: list[float] = attrs.field(factory=list)  # the true ages of rows that were pruned
    told: bool = False

    def live(self, seconds: float) -> None:
        """Check each hour, and prune each time."""
        for _ in range(max(int(seconds / HOUR), 1)):
            self.true += min(seconds, HOUR)
            self.rows.append((self.true + self.ahead, self.true))
            self.prune()

    def prune(self) -> None:
        now = self.true + self.ahead
        gap = gaps([stamp for stamp, _ in self.rows if stamp <= now], now) * HOUR
        told = self.true if self.told else None
        before = prunable_before(now, told, RETENTION, gap)
        self.deleted += [self.true - at for stamp, at in self.rows if stamp < before]
        self.rows = [row for row in self.rows if row[0] >= before]


spans = st.sampled_from([3.0, 600.0, 3 * HOUR, DAY, 3 * DAY, 9 * DAY])
events = st.lists(
    st.one_of(
        st.tuples(st.just("live"), spans),
        st.tuples(st.just("off"), spans),
        st.tuples(st.just("ahead"), st.sampled_from([0.0, 2 * DAY, 8 * DAY, 40 * DAY])),
    ),
    max_size=12,
)


@given(events, st.booleans())
def test_no_row_is_deleted_before_it_is_old_whatever_the_clock_does(
    happened: list[tuple[str, float]], told: bool
) -> None:
    life = Life(told=told)
    life.live(3 * DAY)
    for what, value in [*happened, ("ahead", 0.0), ("live", DAY)]:
        if what == "live":
            life.live(value)
        elif what == "off":
            life.true += value
        else:
            life.ahead = value
    # A leap makes a gap that ends within an hour of the true time that passed.
    assert min(life.deleted, default=RETENTION) >= RETENTION - HOUR * (2 + len(happened))


@given(spans, st.booleans())
def test_eight_days_ahead_for_any_time_deletes_only_what_has_grown_old(
    seconds: float, told: bool
) -> None:
    life = Life(told=told)
    life.live(6 * DAY)
    kept = len(life.rows)
    life.ahead = 8 * DAY
    life.live(seconds)
    life.ahead = 0.0
    life.live(3.0)
    assert min(life.deleted, default=RETENTION) >= RETENTION - 2 * HOUR
    if seconds < DAY:
        assert len([row for row in life.rows if row[0] < WALL + 6 * DAY + 1.0]) == kept


@given(st.sampled_from([0.0, 2 * DAY, 8 * DAY, 30 * DAY]))
def test_old_rows_are_deleted_at_once_if_providers_confirm_the_time(
    off: float,
) -> None:
    for told in (True, False):
        life = Life(told=told)
        life.live(9 * DAY)
        life.true += off
        life.live(1.0 if told else RETENTION + HOUR)
        assert max(life.true - at for _, at in life.rows) <= RETENTION + HOUR


def test_a_history_without_gaps_is_pruned_by_the_clock_alone() -> None:
    stamps = [WALL - hours * HOUR for hours in range(0, 24 * 30, HOURS_APART)]
    assert gaps(stamps, WALL) == 0
    assert gaps([], WALL) == 0
    assert prunable_before(WALL, None, RETENTION, 0.0) == WALL - RETENTION


def test_the_providers_time_advances_with_the_steady_clock() -> None:
    told = ToldTime()
    assert told.now(5.0) is None
    told.note("a", SOON, 5.0)
    assert told.now(65.0) == WALL + 70.0
    told.note("b", "Thu, 01 Jan 1970 00:00:10 GMT", 5.0)  # a liar in the minority
    told.note("c", SOON, 5.0)
    assert told.now(5.0) == WALL + 10.0
    assert prunable_before(WALL, WALL + 9 * DAY, RETENTION, 0.0) == WALL - RETENTION
    assert prunable_before(WALL, 0.0, RETENTION, DAY) == WALL - RETENTION - DAY


@given(st.text(max_size=60))
def test_any_text_in_the_date_header_is_tolerated(text: str) -> None:
    told = ToldTime()
    told.note("a", text, 0.0)
    told.note("b", SOON, 0.0)
    told.now(1.0)
