"""Stored JSON of whatever content is a value of the shape, or one of two errors."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.odd_answers import ODD_TEXTS
from tracker.core.stored_json import read_stored


class Shape(msgspec.Struct):
    """Has a field of its own; all others are skipped."""

    a: int = 0


@given(st.one_of(st.binary(), st.sampled_from(ODD_TEXTS)), st.sampled_from([b"%s", b'{"b": %s}']))
def test_any_text_is_a_value_or_refused(text: bytes, form: bytes) -> None:
    with suppress(msgspec.DecodeError, ValueError):
        assert isinstance(read_stored(form % text, Shape), Shape)


@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"b": ' + "[" * 1_000_000])
def test_brackets_without_end_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"too deeply|Expected"):
        read_stored(text, Shape)


def test_a_sound_text_is_read() -> None:
    assert read_stored('{"a": 7}', Shape).a == 7
