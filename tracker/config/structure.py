"""Converting TOML values to tables and reporting every mistake at once."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

import attrs
from cattrs import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)

from tracker.config.errors import (
    ConfigProblem,
    format_key_path,
    format_value,
    holds_secret,
    names_secret,
)
from tracker.config.schema import ConfigTable, ProviderTable
from tracker.config.values import InvalidValueError, looks_pasted, make_converter

KeyPath = tuple[str | int, ...]
Located = tuple[KeyPath, ConfigProblem]
Tree = dict[str | int, "Tree | None"]

# Finding the nearest known key takes half a millisecond, and more for a longer one.
GUESSES = 100  # per table
LONGEST_GUESSED = 64  # characters
NOT_HERE = "keys must not be written in this file, only the names of variables (value not shown)"
_converter = make_converter()


def structure(raw: dict[str, Any]) -> tuple[ConfigTable, tuple[ConfigProblem, ...]]:
    """Return the tables, and what is wrong.

    Wrong values are left out, as if they were not written.
    """
    try:
        return _converter.structure(raw, ConfigTable), ()
    except ClassValidationError as error:
        found = tuple(_locate(error, (), ConfigTable, raw))
    good = _without(raw, _as_tree(path for path, _ in found))
    return _converter.structure(good, ConfigTable), tuple(mistake for _, mistake in found)


def _as_tree(paths: Iterable[KeyPath]) -> Tree:
    """Return the paths as nested tables, None where one ends: a file may hold 40,000 mistakes."""
    root: Tree = {}
    for path in paths:
        node = root
        for step in path[:-1]:
            if (inner := node.setdefault(step, {})) is None:
                break  # the whole surrounding value is dropped
            node = inner
        else:
            node[path[-1]] = None
    return root


def _without(value: dict[str, Any], wrong: Tree) -> dict[str, Any]:
    """Return the table without what stands at the ends of the tree.

    A list with a wrong element goes as a whole, but of a list of tables only the wrong key.
    """
    kept = {}
    for name, item in value.items():
        inner = wrong.get(name)
        if name not in wrong:
            kept[name] = item
        elif isinstance(item, dict) and inner is not None:
            kept[name] = _without(item, inner)
        elif isinstance(item, list) and inner is not None and None not in inner.values():
            kept[name] = [_without(t, inner.get(n) or {}) for n, t in enumerate(item)]
    return kept


def _locate(error: BaseException, path: KeyPath, table: Any, value: Any) -> Iterator[Located]:
    """Return each mistake in cattrs' tree of errors, with its path.

    ``value`` is what stands there.
    """
    if isinstance(error, ClassValidationError | IterableValidationError):
        noted, bare = error.group_exceptions()
        for inner, note in noted:
            step = note.name if isinstance(note, AttributeValidationNote) else note.index
            yield from _locate(inner, (*path, step), note.type, value[step])
        for inner in bare:
            yield from _locate(inner, path, error.cl, value)
    elif isinstance(error, ForbiddenExtraKeysError):
        for number, name in enumerate(sorted(error.extra_fields)):
            where = (*path, name)
            yield where, _unknown(where, table, value[name], guess=number < GUESSES)
    elif isinstance(error, InvalidValueError):
        yield path, _wrong(path, error)
    else:
        raise error


def _wrong(path: KeyPath, error: InvalidValueError) -> ConfigProblem:
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    if isinstance(error.value, str) and (names_secret(name) or _may_be_a_key(error.value)):
        return ConfigProblem(key=format_key_path(path), problem=NOT_HERE, allowed=error.allowed)
    value = format_value(error.value, name)
    return ConfigProblem(
        key=format_key_path(path), value=value, problem="wrong value", allowed=error.allowed
    )


def _may_be_a_key(value: str) -> bool:
    return holds_secret(value) or looks_pasted(value)


def _unknown(path: KeyPath, table: Any, value: object, *, guess: bool) -> ConfigProblem:
    name = str(path[-1])
    if names_secret(name) and table is ProviderTable:
        example = 'api_key_env = "NAME_OF_A_VARIABLE"'
        return ConfigProblem(key=format_key_path(path), problem=NOT_HERE, allowed=example)
    return ConfigProblem(
        key=format_key_path(path),
        value=format_value(value, name),
        problem="unknown key",
        nearest=_nearest(name, table) if guess and len(name) <= LONGEST_GUESSED else None,
    )


def _nearest(name: str, table: type[attrs.AttrsInstance]) -> str | None:
    """Return the key of this table, or the same key in another, that was probably meant."""
    if close := get_close_matches(name, _names(table), n=1):
        return close[0]
    homes = {field.name: field.type for field in attrs.fields(ConfigTable)}
    homes = {name: homes[name] for name in ("tracker", "server", "ranking", "reports")}
    for home, other in {**homes, "providers.NAME": ProviderTable}.items():
        if name in _names(other):
            return f"{name} in [{home}]"
    return None


def _names(table: Any) -> list[str]:
    return [field.name for field in attrs.fields(table)]
