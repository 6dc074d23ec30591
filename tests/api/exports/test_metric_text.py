"""api.exports.metric_text: numbers and labels are those of the Prometheus client."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString

from api.exports.metric_text import escape, format_count, format_number

by_client: Callable[[float], str] = floatToGoString
ODD = [0.0, -0.0, 0.001, 999_999.9, 1_000_000.0, 1_000_000.5, 1e-7, 9_999_999_999.9, 1e10, 1e16]
microseconds = st.integers(0, 4 * 10**15).map(lambda count: count / 1e6)


@given(st.floats() | microseconds | st.integers(-(10**20), 10**20).map(float))
def test_numbers_are_those_of_the_client(number: float) -> None:
    assert format_number(number) == by_client(number)


@pytest.mark.parametrize("number", [*ODD, *(-number for number in ODD)])
def test_known_numbers_are_those_of_the_client(number: float) -> None:
    assert format_number(number) == by_client(number)


@given(st.integers(0, 2_000) | st.integers(0, 10**12))
def test_counts_are_those_of_the_client(count: int) -> None:
    assert format_count(count) == by_client(count)


def test_a_label_cannot_end_its_line_or_its_quotes() -> None:
    assert escape('a "quoted"\\name\nin two lines') == r"a \"quoted\"\\name\nin two lines"
