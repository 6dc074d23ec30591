"""tracker.core.shared_wakes: when timers of many providers wake the event loop together."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.core.shared_wakes import MANY_PROVIDERS, WIDTH_SECONDS, SharedWakes, next_wake

MANY = SharedWakes(providers=MANY_PROVIDERS)
FEW = SharedWakes(providers=MANY_PROVIDERS - 1)
MOMENTS = st.floats(min_value=0.0, max_value=1e7)


@given(MOMENTS)
def test_timers_of_few_providers_keep_their_own_time(moment: float) -> None:
    assert FEW.at(moment) == moment


@given(MOMENTS)
def test_nothing_wakes_before_it_is_due_nor_much_later(moment: float) -> None:
    assert moment <= MANY.at(moment) + 1e-8
    assert MANY.at(moment) < moment + WIDTH_SECONDS + 1e-8


def test_what_is_due_in_the_same_tenth_of_a_second_wakes_at_the_same_moment() -> None:
    assert len({MANY.at(50.01), MANY.at(50.055), MANY.at(50.099)}) == 1
    assert MANY.at(50.099) < MANY.at(50.101)


def test_what_is_never_due_never_wakes() -> None:
    assert MANY.at(float("inf")) == float("inf")


@given(MOMENTS)
def test_the_next_wake_is_one_that_timers_share_and_always_to_come(moment: float) -> None:
    wake = next_wake(moment)
    assert moment < wake <= moment + WIDTH_SECONDS + 1e-8
    assert MANY.at(wake - WIDTH_SECONDS / 2) == wake


def test_few_providers_begin_their_checks_one_by_one_and_commit_as_usual() -> None:
    assert (FEW.together, FEW.commit_seconds) == (1, 0.0)
    assert MANY.together > 1
    assert 0.0 < MANY.commit_seconds < 1.0  # a result is in the history within a second
