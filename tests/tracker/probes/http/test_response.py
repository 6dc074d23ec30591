"""Bodies read as JSON: what is refused because it would take long."""

import json
from time import thread_time

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


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (rb'["\ud83d\ude00 \ud800 a"]', "\U0001f600 \ufffd a"),
        (rb'["\udc00\ud800"]', "\ufffd\ufffd"),
        (rb'["\\ud800 \ud800"]', "\\ud800 \ufffd"),
        (b'["caf\xc3"]', "caf\ufffd"),
        (b'["\xed\xa0\x80"]', "\ufffd\ufffd\ufffd"),
    ],
)
def test_a_text_cut_in_the_middle_of_a_character_spoils_only_that(body: bytes, read: str) -> None:
    assert parse_json(body) == [read]


@given(st.text(st.characters(codec=None, categories=None), max_size=20), st.text(max_size=5))
def test_whatever_texts_hold_the_rest_is_read(odd: str, sound: str) -> None:
    read = parse_json(json.dumps([odd, sound]).encode())
    assert isinstance(read, list)
    assert read[1] == sound
    # Python joins halves that happen to meet; what is no half is as it was.
    whole = (
        json.loads(json.dumps(odd)).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
    assert read[0].replace("\ufffd", "") == whole.replace("\ufffd", "")


def test_more_escapes_than_any_list_has_are_not_searched() -> None:
    began = thread_time()
    assert parse_json(b'["' + rb"\n" * 2_000_000 + rb'\ud800"]') is UNPARSEABLE
    assert thread_time() - began < 0.2
