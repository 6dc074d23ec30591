"""A clock that leapt deletes nothing."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.store.clock_trust import CORRECTION, PROVEN_SECONDS, SILENCE, ClockTrust

WALL, DAY = 1_800_000_000.0, 86_400.0


def test_an_even_clock_that_agrees_with_the_newest_check_is_believed() -> None:
    trust = ClockTrust()
    assert [trust.doubt(WALL + t, t, WALL + t - 300.0) for t in (0.0, 600.0, 1200.0)] == [""] * 3


def test_three_seconds_eight_days_ahead_are_not_believed_even_with_a_check_from_then() -> None:
    trust = ClockTrust()
    assert not trust.doubt(WALL, 0.0, WALL)
    assert "jumped" in trust.doubt(WALL + 8 * DAY + 600.0, 600.0, WALL + 8 * DAY + 599.0)
    assert "jumped" in trust.doubt(WALL + 1200.0, 1200.0, WALL + 1100.0)
    assert not trust.doubt(WALL + 1800.0, 1800.0, WALL + 1700.0)


def test_a_start_with_a_clock_far_from_the_newest_check_waits_for_the_next_one() -> None:
    trust = ClockTrust()
    assert "days" not in trust.doubt(WALL, 0.0, WALL - SILENCE - 1.0) != ""
    assert not trust.doubt(WALL + 600.0, 600.0, WALL + 599.0)


def test_without_any_check_an_even_clock_is_believed_after_an_hour() -> None:
    trust = ClockTrust()
    assert trust.doubt(WALL, 0.0, WALL - 8 * DAY)
    assert not trust.doubt(WALL + PROVEN_SECONDS, PROVEN_SECONDS, WALL - 8 * DAY)


def test_a_clock_that_leaps_alike_at_two_starts_does_not_vouch_for_itself() -> None:
    leapt, sound = WALL + 8 * DAY, WALL - 60.0
    trust = ClockTrust()
    assert "jumped" in trust.doubt(leapt, 0.0, leapt - 60.0, sound)
    assert "jumped" in trust.doubt(leapt + 600.0, 600.0, leapt + 599.0, sound)
    assert not trust.doubt(leapt + PROVEN_SECONDS, PROVEN_SECONDS, leapt + 3_599.0, sound)


def test_days_without_a_gap_are_believed_at_once() -> None:
    assert not ClockTrust().doubt(WALL, 0.0, WALL - 300.0, WALL - SILENCE - 300.0)


@given(st.floats(-10 * DAY, 10 * DAY).filter(lambda leap: abs(leap) > 2 * CORRECTION))
def test_no_leap_is_believed_at_once(leap: float) -> None:
    trust = ClockTrust()
    trust.doubt(WALL, 0.0, WALL)
    assert trust.doubt(WALL + 600.0 + leap, 600.0, WALL + 600.0 + leap)
