"""The built-in catalogue: the known providers, how to ask each, and what enables it."""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import attrs
from attrs.validators import in_, min_len
from cattrs import Converter

from tracker.core.rate_limits import LimitReading


@attrs.frozen(kw_only=True)
class ApiKind:
    """A kind of API: its checks, and the options its code reads.

    checks: the default first. timing: fields of settings.Timing. options: see catalogue.toml.
    """

    name: str
    checks: tuple[str, ...] = attrs.field(validator=min_len(1))
    options: dict[str, Any] = attrs.field(factory=dict)
    timing: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class CatalogueEntry:
    """One known provider; the fields are explained at the top of catalogue.toml.

    base_url: None where there is no public endpoint. options: they override those of its kind.
    """

    name: str
    kind: str
    base_url: str | None = None
    base_variable: str
    keys: tuple[str, ...] = ()
    needs_key: bool = True
    required: dict[str, str] = attrs.field(factory=dict)
    optional: dict[str, str] = attrs.field(factory=dict)
    check: str
    checks: tuple[str, ...]
    model: str | None = None
    timing: dict[str, Any] = attrs.field(factory=dict)
    options: dict[str, Any] = attrs.field(factory=dict)
    list_public: bool | None = None
    cost: str = ""
    limits_told: str = ""
    limits: tuple[LimitReading, ...] = ()
    limits_read: date | None = None
    limits_source: str = ""
    status_page: str | None = None
    retired_models: dict[str, date] = attrs.field(factory=dict)
    note: str = ""
    source: str = attrs.field(validator=min_len(1))

    def __attrs_post_init__(self) -> None:
        in_(self.checks)(self, attrs.fields(CatalogueEntry).check, self.check)


def load_catalogue() -> Mapping[str, CatalogueEntry]:
    """Return every known provider by name, in the file's order."""
    return _read()[1]


def load_dialects() -> Mapping[str, ApiKind]:
    """Return every kind of API by name."""
    return _read()[0]


def secret_variables(kind: str) -> dict[str, str]:
    """Return the variables of what is secret among a kind's options, and never stands in a file."""
    entries = (entry for entry in load_catalogue().values() if entry.kind == kind)
    pairs = (pair for e in entries for pair in {**e.required, **e.optional}.items())
    return {option: variable for option, variable in pairs if is_secret_option(option)}


def is_secret_option(name: str) -> bool:
    """Return whether an option's value is a secret: its name ends in ``_secret``."""
    return name.endswith("_secret")


@cache
def _read() -> tuple[Mapping[str, ApiKind], Mapping[str, CatalogueEntry]]:
    text = files("tracker.config").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return parse(text)


def parse(text: str) -> tuple[Mapping[str, ApiKind], Mapping[str, CatalogueEntry]]:
    """Parse a catalogue's TOML into dialects and entries. Raises on any mistake in it."""
    raw = tomllib.loads(text)
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(date, lambda value, _: value)
    dialects = {
        name: converter.structure({"name": name, **table}, ApiKind)
        for name, table in raw["kinds"].items()
    }
    entries = {
        name: converter.structure(_fill_in(name, table, dialects[table["kind"]]), CatalogueEntry)
        for name, table in raw["providers"].items()
    }
    return MappingProxyType(dialects), MappingProxyType(entries)


def _fill_in(name: str, table: dict[str, Any], dialect: ApiKind) -> dict[str, Any]:
    """Return the entry's table with what its kind and its name imply."""
    implied = {
        "name": name,
        "base_variable": f"{name.upper()}_API_BASE",
        "check": dialect.checks[0],
        "checks": dialect.checks,
        "timing": dialect.timing,
    }
    return {**implied, **table, "options": dialect.options | table.get("options", {})}
