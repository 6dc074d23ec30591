"""Validating values of tracker.toml, as a converter would turn "30" into 30.0."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.cols import homogenous_tuple_structure_factory
from cattrs.gen import make_dict_structure_fn, make_mapping_structure_fn
from msgspec import Meta

from tracker.config.errors import is_variable

OF_A_VARIABLE = {"names": "variable"}  # marks a string that is a variable's name, never a key

# Names are words; a key has a long part with letters and digits. HuggingFace's has no digits.
_PASTED = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z0-9]{16})[A-Za-z]*\d+[A-Za-z]"
    r"|(?<![A-Za-z0-9])(sk|gsk|csk|pk|rk|hf|fw|r8|tgp|ghp|key)[-_][A-Za-z0-9]{20}"
    r"|[A-Za-z0-9]{40}"
)


class InvalidValueError(Exception):
    """A value that is not allowed; ``allowed`` says what is."""

    def __init__(self, value: object, allowed: str) -> None:
        self.value = value
        self.allowed = allowed
        super().__init__(allowed)


def looks_pasted(value: str) -> bool:
    """Return whether the key itself stands where the name of its variable should."""
    return not is_variable(value) and _PASTED.search(value) is not None


def make_converter() -> Converter:
    """Make a converter that reads tables strictly: no unknown keys, no conversions, with ranges."""
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook_factory(attrs.has, lambda cls: _table(cls, converter))
    converter.register_structure_hook_factory(_is_dict, lambda cls: _dict(cls, converter))
    converter.register_structure_hook_factory(_is_tuple, lambda cls: _tuple(cls, converter))
    converter.register_structure_hook_factory(
        _is_annotated, lambda cls: _convert_annotated(cls, converter)
    )
    return converter


def _is_dict(cls: Any) -> bool:
    return get_origin(cls) is dict


def _is_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple


def _is_annotated(cls: Any) -> bool:
    return get_origin(cls) is Annotated


def _table(cls: type, converter: Converter) -> Callable[[Any, Any], Any]:
    return _only_tables(make_dict_structure_fn(cls, converter))


def _dict(cls: type, converter: Converter) -> Callable[[Any, Any], Any]:
    return _only_tables(make_mapping_structure_fn(cls, converter, detailed_validation=True))


def _tuple(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """Structure a list, wherever it stands: each element, with its place in the mistakes."""
    structure = homogenous_tuple_structure_factory(cls, converter)
    return lambda value, asked: structure(_list(value), asked)


def _only_tables(structure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def checked(value: Any, cls: Any) -> Any:
        if not isinstance(value, dict):
            raise InvalidValueError(value, "a table")
        return structure(value, cls)

    return checked


def _convert_annotated(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    base, *metas = get_args(cls)
    if check := _CHECKS.get(base):
        return lambda value, _: _check(value, check, metas)
    structure = converter.get_structure_hook(base)
    if _is_dict(base):
        return structure
    return lambda value, _: structure(_list(value, metas[0]), base)


def _check(value: Any, check: Callable[[Any, Meta], Any], metas: list[Meta]) -> Any:
    for meta in metas:
        value = check(value, meta)
    return value


def _list(value: Any, meta: Meta = Meta()) -> Any:
    if not isinstance(value, list):
        raise InvalidValueError(value, "a list")
    if meta.max_length is not None and len(value) > meta.max_length:
        raise InvalidValueError(value, f"at most {meta.max_length} elements")
    return value


def _number(value: Any, meta: Meta) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and _finite(value) and _within(value, meta)):
        raise InvalidValueError(value, f"a number{_range(meta)}")
    return float(value)


def _whole(value: Any, meta: Meta) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not _within(value, meta):
        raise InvalidValueError(value, f"a whole number{_range(meta)}")
    return value


def _truth(value: Any, _: Meta) -> bool:
    if not isinstance(value, bool):
        raise InvalidValueError(value, "true or false, without quotes")
    return value


def _text(value: Any, meta: Meta) -> str:
    if not isinstance(value, str):
        raise InvalidValueError(value, "a string")
    if not value.isprintable() or (meta.min_length and not value.strip()):
        raise InvalidValueError(value, "a non-empty string without control characters")
    if meta.max_length is not None and len(value) > meta.max_length:
        raise InvalidValueError(value, f"at most {meta.max_length} characters")
    if meta.pattern is not None and not re.search(meta.pattern, value):
        raise InvalidValueError(value, meta.description or f"a string that matches {meta.pattern}")
    if meta.extra == OF_A_VARIABLE and looks_pasted(value):
        raise InvalidValueError(value, f"{meta.description}, for example MY_GROQ_KEY")
    return value


def _moment(value: Any, _: Meta) -> datetime:
    if not isinstance(value, datetime):
        raise InvalidValueError(
            value, "a date and time without quotes, for example 2026-12-01T22:00:00Z"
        )
    return value


_CHECKS: dict[type, Callable[[Any, Meta], Any]] = {
    float: _number,
    int: _whole,
    bool: _truth,
    str: _text,
    datetime: _moment,
}


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False


def _within(value: float, meta: Meta) -> bool:
    return (
        (meta.ge is None or value >= meta.ge)
        and (meta.gt is None or value > meta.gt)
        and (meta.le is None or value <= meta.le)
        and (meta.lt is None or value < meta.lt)
    )


def _range(meta: Meta) -> str:
    """Describe a range in words: " at least 0 and below 0.5"."""
    bounds = {"at least": meta.ge, "above": meta.gt, "at most": meta.le, "below": meta.lt}
    words = [f"{word} {bound:,.7g}" for word, bound in bounds.items() if bound is not None]
    return f" {' and '.join(words)}" if words else ""
