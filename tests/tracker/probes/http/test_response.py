"""Bodies read as JSON: what is refused because it would take long."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.probes.http.response import MOST_VALUES, UNPARSEABLE, parse_json


@pytest.mark.parametrize("unit", [b"[]", b"{}", b"0", b'{"id":"a"}', b'{"a":[1,2]}'])
def test_more_values_than_any_list_has_are_refused(unit: bytes) -> None:
    body = b"[" + b",".join([unit] * MOST_VALUES) + b",0]"
    assert parse_json(body) is UNPARSEABLE


def test_a_long_text_is_one_value() -> None:
    assert parse_json(b'["%s"]' % (b"m" * 4_000_000)) == ["m" * 4_000_000]


@pytest.mark.parametrize("digits", ["1e400", "-1e400", "9" * 400 + ".5e9"])
def test_a_number_beyond_every_float_is_refused(digits: str) -> None:
    assert parse_json(f"[{digits}]".encode()) is UNPARSEABLE


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_as_it_was_written(value: float) -> None:
    assert parse_json(msgspec.json.encode([value])) == [value]
