"""Typed readers for parsed JSON, whose values may be of any type. Total."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return an object as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def first(value: object) -> object:
    """Return the first element of an array (Google wraps errors so), else the value itself."""
    return value[0] if isinstance(value, list) and value else value


def as_list(value: object) -> Sequence[Any]:
    """Return an array as it is, anything else as an empty one."""
    return value if isinstance(value, list) else ()


def as_text(value: object) -> str:
    """Return a text as it is, anything else as an empty one."""
    return value if isinstance(value, str) else ""


def as_bool(value: object) -> bool | None:
    """Return a truth value as it is, anything else as not known."""
    return value if isinstance(value, bool) else None


def mappings(value: object, most: int) -> Iterator[Mapping[str, Any]]:
    """Yield the objects among the first ``most`` entries of an array."""
    yield from (entry for entry in as_list(value)[:most] if isinstance(entry, dict))


def texts(value: object) -> set[str]:
    """Return the texts in an array."""
    return {entry for entry in as_list(value) if isinstance(entry, str)}
