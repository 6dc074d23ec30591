"""The conversion from values to shapes on the wire."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import attrs
from msgspec import Struct

from api.schemas.convert import convert, instant
from api.schemas.units import From, Milliseconds, Percent, Timestamp

AT = datetime(2026, 11, 27, 12, 0, 0, 123_456, tzinfo=UTC)


class Color(StrEnum):
    RED = "red"


class Inner(Struct, frozen=True):
    percent: Percent | None = None


class Outer(Struct, frozen=True):
    color: str
    taken_ms: Annotated[Milliseconds | None, From("inner.taken")]
    at: Timestamp | None
    inner: Inner
    others: list[Inner]
    missing: Inner | None


@attrs.frozen
class InnerValue:
    percent: float | None = None
    taken: float | None = None


@attrs.frozen
class OuterValue:
    color: Color
    at: datetime | None
    inner: InnerValue | None
    others: tuple[InnerValue, ...] = ()
    missing: InnerValue | None = None


def test_numbers_are_rounded_to_their_unit_and_times_are_text() -> None:
    value = OuterValue(Color.RED, AT, InnerValue(99.987, 12.345), (InnerValue(1.0),))
    assert convert(Outer, value) == Outer(
        color="red",
        taken_ms=12.3,
        at="2026-11-27T12:00:00.123Z",
        inner=Inner(percent=99.99),
        others=[Inner(percent=1.0)],
        missing=None,
    )


def test_what_is_not_known_is_null_never_a_number() -> None:
    shown = convert(Outer, OuterValue(Color.RED, None, InnerValue()))
    assert (shown.taken_ms, shown.at, shown.inner, shown.missing) == (None, None, Inner(), None)


def test_a_given_field_is_used_unchanged() -> None:
    value = OuterValue(Color.RED, None, InnerValue())
    assert convert(Outer, value, color="blue").color == "blue"


def test_a_time_is_rounded_to_the_nearest_millisecond() -> None:
    assert instant(AT.replace(microsecond=999_600)) == "2026-11-27T12:00:01.000Z"
