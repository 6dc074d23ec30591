"""CONTRACT 4, Scheduling: when the next check is due."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.factories import START, finding
from tracker.core.outcomes import OutcomeKind
from tracker.core.rate_limits import LimitReading
from tracker.core.settings import Timing
from tracker.health.health_state import blocked_for
from tracker.health.schedule import Grid, Streak, next_due, recheck_delay

TIMING = Timing(interval_seconds=300.0, recheck_seconds=(2.0, 10.0, 30.0))


def grid(name: str = "groq", interval: float = 300.0, jitter: float = 0.0) -> Grid:
    return Grid(name=name, anchor=0.0, interval=interval, jitter=jitter)


def due(kind: OutcomeKind, *, streak: int = 1, ended: float = 1000.0, **more: Any) -> float:
    found = finding(kind, **more)
    return next_due(
        found,
        streak=Streak(length=streak),
        ended=ended,
        blocked_for=blocked_for(found, START),
        grid=grid(),
        timing=TIMING,
    )


TICK = grid().after(1000.0)


def test_ticks_are_an_interval_apart_without_jitter() -> None:
    ticks = [grid().tick(n) for n in range(4)]
    assert [b - a for a, b in itertools.pairwise(ticks)] == pytest.approx([300.0] * 3)


@given(st.text(min_size=1, max_size=30), st.floats(0.0, 0.49), st.floats(0.0, 1e7))
def test_the_next_tick_is_later_and_at_most_two_intervals_away(
    name: str, jitter: float, now: float
) -> None:
    tick = grid(name, 60.0, jitter).after(now)
    assert now < tick <= now + 120.0


@given(st.text(max_size=5), st.floats(0.0, 0.49), st.integers(0, 300), st.floats(-2.0, 2.0))
def test_the_next_tick_is_the_first_of_all_later_ones(
    name: str, jitter: float, number: int, off: float
) -> None:
    ticks = grid(name, 60.0, jitter)
    now = ticks.tick(number) + round(off) * off  # also just at a tick
    assert ticks.after(now) == min(t for n in range(310) if (t := ticks.tick(n)) > now)


@given(st.text(min_size=1, max_size=30), st.floats(0.0, 0.49), st.integers(0, 10_000))
def test_jitter_moves_a_tick_by_its_share_and_never_past_another(
    name: str, jitter: float, number: int
) -> None:
    swaying, steady = grid(name, 60.0, jitter), grid(name, 60.0)
    assert abs(swaying.tick(number) - steady.tick(number)) <= jitter * 60.0 + 1e-6
    assert swaying.tick(number) < swaying.tick(number + 1)


def test_the_phase_belongs_to_the_name() -> None:
    assert grid("groq").tick(0) == grid("groq").tick(0) != grid("mistral").tick(0)


def test_phases_spread_providers_over_the_interval() -> None:
    phases = sorted(grid(f"provider {n}").tick(0) for n in range(1000))
    assert phases[0] < 160.0
    assert phases[-1] > 440.0
    assert max(b - a for a, b in itertools.pairwise(phases)) < 5.0


def test_missed_ticks_are_skipped_not_made_up() -> None:
    late = TICK + 10 * 300.0 + 1.0
    assert late < grid().after(late) <= late + 300.0


@pytest.mark.parametrize(
    "kind", [OutcomeKind.OK, OutcomeKind.SLOW, OutcomeKind.REQUEST, OutcomeKind.AUTH]
)
def test_outcomes_without_a_recheck_wait_for_the_next_tick(kind: OutcomeKind) -> None:
    assert due(kind) == TICK


@pytest.mark.parametrize(
    "kind", [k for k in OutcomeKind if k.is_failure and k is not OutcomeKind.AUTH]
)
def test_a_failure_is_checked_again_early(kind: OutcomeKind) -> None:
    assert [due(kind, streak=n) for n in (1, 2, 3)] == [1002.0, 1010.0, 1030.0]


def test_after_the_last_recheck_checks_continue_on_the_grid() -> None:
    assert due(OutcomeKind.SERVER, streak=4) == TICK


def test_a_stall_of_ours_is_checked_again_early_too() -> None:
    assert due(OutcomeKind.INTERNAL) == 1002.0


def test_rechecks_are_clamped_to_the_interval() -> None:
    timing = Timing(interval_seconds=20.0, timeout_seconds=10.0, recheck_seconds=(30.0,))
    assert recheck_delay(timing, 1) == 20.0


def test_retry_after_postpones_a_recheck() -> None:
    assert due(OutcomeKind.OVERLOADED, retry_after=45.0) == 1045.0
    assert due(OutcomeKind.OVERLOADED, retry_after=1.0) == 1002.0


def test_a_rate_limited_provider_is_checked_when_retry_after_has_passed() -> None:
    assert due(OutcomeKind.RATE_LIMITED, retry_after=7.0) == 1007.0
    assert due(OutcomeKind.RATE_LIMITED, retry_after=5000.0) == 6000.0


def test_a_provider_that_always_says_retry_at_once_is_not_checked_too_often() -> None:
    assert [due(OutcomeKind.RATE_LIMITED, streak=n, retry_after=0.0) for n in (1, 2, 3, 4)] == [
        1002.0,
        1010.0,
        1030.0,
        1300.0,
    ]


def test_a_rate_limit_without_a_stated_reset_is_checked_after_a_minute() -> None:
    assert due(OutcomeKind.RATE_LIMITED) == min(1060.0, TICK)


def test_an_exhausted_quota_is_not_checked_early_unless_its_reset_is_known() -> None:
    assert due(OutcomeKind.QUOTA_EXHAUSTED) == TICK
    reset = START + timedelta(seconds=20)
    limits = (LimitReading(name="requests", limit=5.0, remaining=0.0, reset_at=reset),)
    assert due(OutcomeKind.QUOTA_EXHAUSTED, limits=limits) == 1020.0


def test_checks_on_the_grid_continue_until_a_distant_reset() -> None:
    reset = START + timedelta(hours=10)
    limits = (LimitReading(name="requests", limit=5.0, remaining=0.0, reset_at=reset),)
    assert due(OutcomeKind.QUOTA_EXHAUSTED, limits=limits) == TICK


def test_one_check_is_made_when_a_used_up_limit_resets() -> None:
    reset = START + timedelta(seconds=15)
    limits = (LimitReading(name="requests", limit=5.0, remaining=0.0, reset_at=reset),)
    assert due(OutcomeKind.OK, limits=limits) == 1015.0


def test_failures_and_limits_are_counted_apart_until_a_good_check() -> None:
    streak = Streak()
    for kind in (OutcomeKind.SERVER, OutcomeKind.TIMEOUT, OutcomeKind.INTERNAL):
        streak = streak.after(kind)
    assert streak.length == 3
    limited = streak.after(OutcomeKind.RATE_LIMITED)
    assert (limited.length, limited.after(OutcomeKind.SERVER).length) == (1, 4)
    assert limited.after(OutcomeKind.OK) == limited.after(OutcomeKind.REQUEST) == Streak()


def test_alternating_failures_and_limits_do_not_restart_the_rechecks() -> None:
    streak, lengths = Streak(), []
    for kind in (OutcomeKind.OVERLOADED, OutcomeKind.RATE_LIMITED) * 4:
        streak = streak.after(kind)
        lengths.append(streak.length)
    assert lengths == [1, 1, 2, 2, 3, 3, 4, 4]
