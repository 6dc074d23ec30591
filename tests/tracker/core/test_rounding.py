"""A figure is the same number wherever it is shown."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.core.rounding import whole_ms


@given(st.floats(0.0, 1e6))
def test_a_value_rounded_to_a_tenth_and_the_exact_value_show_the_same(exact: float) -> None:
    assert whole_ms(exact) == whole_ms(round(exact, 1))


def test_halves_round_up_and_thousands_are_separated() -> None:
    assert [whole_ms(each) for each in (44.5, 44.53, 45.5, 0.0, 1290.4)] == [
        *("45 ms", "45 ms", "46 ms", "0 ms", "1,290 ms"),
    ]
