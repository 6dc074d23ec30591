"""Bodies read as JSON: what is refused because it would take long."""

import json
from time import thread_time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.fair_time import fair_ms
from tracker.probes.http.response import MOST_VALUES, UNPARSEABLE, parse_json


@pytest.mark.parametrize("unit", [b"[]", b"{}", b"0", b'{"id":"a"}', b'{"a":[1,2]}'])
def test_more_values_than_any_list_has_are_refused(unit: bytes) -> None:
    body = b"[" + b",".join([unit] * MOST_VALUES) + b",0]"
    assert parse_json(body) is UNPARSEABLE


def test_a_long_text_is_one_value() -> None:
    assert parse_json(b'["%s"]' % (b"m" * 4_000_000)) == ["m" * 4_000_000]


BEYOND = ["1e400", "-1e400", "9" * 400 + ".5e9", "9" * 5_000, "-" + "7" * 9_000, "1e" + "9" * 5_000]
BEYOND += ["NaN", "Infinity", "-Infinity", "0." + "1" * 5_000]


@pytest.mark.parametrize("number", BEYOND, ids=lambda each: each[:8])
def test_a_number_that_none_can_hold_is_not_known_and_spoils_nothing_else(number: str) -> None:
    sound = {"a": "NaN 1e999 \\" + "9" * 5_000, "b": [1.5, -3, 1e300, True], "c": '\\" 7e777'}
    text = json.dumps({**sound, "x": "HERE"}).replace('"HERE"', number)
    expected = None if "." not in number or "e" in number else pytest.approx(0.1, abs=0.02)
    assert parse_json(text.encode()) == {**sound, "x": expected}
    assert parse_json(f"[{number}, 2]".encode()) == [expected, 2]
    assert parse_json(f'"{number}'.encode()) is UNPARSEABLE


@pytest.mark.parametrize(
    "unit",
    [
        b'"',
        rb"\"",
        rb'"\\',
        b"-",
        b"N",
        b"9",
        b"9.",
        b"1e",
        b"1e1",
        b"9" * 301 + b",",
        b"NaN,",
        b"-I",
    ],
)
def test_what_is_no_json_is_searched_in_little_time(unit: bytes) -> None:
    body = b"[" + unit * (4_000_000 // len(unit))
    began = thread_time()
    assert parse_json(body) is UNPARSEABLE
    assert fair_ms(thread_time() - began) < 300.0


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
    assert fair_ms(thread_time() - began) < 200.0
