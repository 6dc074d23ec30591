"""Conversion from the snapshot's values to the JSON formats, derived from the formats.

A field takes the attribute with its name, or the one named by its ``From``; its type decides how
the value is written: rounded to the unit's decimals, as an RFC 3339 timestamp, or nested.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from api.schemas import status as schemas
from api.schemas.ranking import Best
from api.schemas.units import Decimals, From, Instant
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Ranking

S = TypeVar("S", bound=Struct)
Write = Callable[[Any], Any]
UNIONS = (Union, UnionType)  # with Annotated parts it is the first, with plain types the second


def instant(at: datetime) -> str:
    """Write a moment to the nearest millisecond, as the store keeps it."""
    nearest = datetime.fromtimestamp(round(at.timestamp() * 1000.0) / 1000.0, UTC)
    return nearest.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def convert(shape: type[S], value: object, **given: Any) -> S:
    """Build ``shape`` from a value; ``given`` fields are taken as they are."""
    fields = {name: write(read(value)) for name, read, write in _plan(shape) if name not in given}
    return shape(**fields, **given)


def view_provider(provider: ProviderStatus) -> schemas.Provider:
    """Build what ``/api/providers/status/{name}`` answers."""
    return convert(schemas.Provider, provider)


def view_best(timestamp: datetime, ranking: Ranking) -> Best:
    """Build what ``/api/providers/best`` answers."""
    return convert(Best, ranking, timestamp=instant(timestamp))


@cache
def _plan(shape: type[Struct]) -> tuple[tuple[str, Write, Write], ...]:
    hints = get_type_hints(shape, include_extras=True)
    return tuple(
        (name, attrgetter(_source(name, hint)), _writer(hint)) for name, hint in hints.items()
    )


def _source(name: str, hint: Any) -> str:
    return next((mark.path for mark in _marks(hint) if isinstance(mark, From)), name)


def _marks(hint: Any) -> Iterable[Any]:
    """Yield the annotations of a type and of what it is made of, outermost first."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        yield from marks
        yield from _marks(inner)
    elif get_origin(hint) in UNIONS:
        for part in get_args(hint):
            yield from _marks(part)


def _writer(hint: Any) -> Write:
    for mark in _marks(hint):
        if isinstance(mark, Decimals):
            return lambda value: None if value is None else round(float(value), mark.digits)
        if isinstance(mark, Instant):
            return lambda value: None if value is None else instant(value)
    inner, optional = _strip(hint)
    if get_origin(inner) is list:
        write_item = _writer(get_args(inner)[0])
        return lambda values: [write_item(value) for value in values]
    if isinstance(inner, type) and issubclass(inner, Struct):
        return _shape_writer(inner, optional=optional)
    return lambda value: value.value if isinstance(value, Enum) else value


def _shape_writer(shape: type[Struct], *, optional: bool) -> Write:
    """Write an unknown value as null where the shape allows it, else all defaults."""

    def write(value: Any) -> Struct | None:
        if value is None:
            return None if optional else shape()
        return convert(shape, value)

    return write


def _strip(hint: Any) -> tuple[Any, bool]:
    """Return the type without annotations and None, and whether None was allowed."""
    if get_origin(hint) is Annotated:
        return _strip(get_args(hint)[0])
    if get_origin(hint) in UNIONS:
        kept = [part for part in get_args(hint) if part is not NoneType]
        return _strip(kept[0])[0], len(kept) < len(get_args(hint))
    return hint, False
