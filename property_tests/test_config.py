"""Reading any tracker.toml gives a Config or mistakes, and shows no secret."""

import json
import tomllib
from pathlib import Path
from typing import Any

import attrs
import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracker.config import read_config
from tracker.config.catalogue import load_catalogue, load_dialects
from tracker.config.environment import discover
from tracker.config.errors import ConfigError, format_value
from tracker.config.schema import (
    ConfigTable,
    ProviderTable,
    RankingTable,
    ServerTable,
    TimingTable,
    TrackerTable,
)
from tracker.config.show import config_schema, show_config
from tracker.config.structure import structure
from tracker.config.timing import merge_timing
from tracker.core.addresses import url_problem
from tracker.core.settings import Config

CANARY = "sk-proj-canary0123456789ABCDEF"
TABLES = (ConfigTable, TrackerTable, ServerTable, RankingTable, ProviderTable)
SCHEMA = jsonschema_rs.validator_for(config_schema())
KNOWN = sorted({field.name for table in TABLES for field in attrs.fields(table)})

printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
names = st.one_of(
    st.sampled_from([*KNOWN, *load_catalogue(), "api_key", CANARY]),
    printable,
)
scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    printable,
    st.sampled_from(["", "chat", "http://127.0.0.1:1/v1", "https://x.example", *load_dialects()]),
    st.builds("{}{}{}".format, printable, st.just(CANARY), printable),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def tables_of(table: Any) -> Any:
    """Draw a table with known keys and any values, so that reading gets past the key check."""
    keys = st.sampled_from([field.name for field in attrs.fields(table)])
    return st.dictionaries(keys | names, values, max_size=5)


files = st.fixed_dictionaries(
    {},
    optional={
        "tracker": tables_of(TrackerTable) | values,
        "server": tables_of(ServerTable) | values,
        "ranking": tables_of(RankingTable) | values,
        "providers": st.dictionaries(names, tables_of(ProviderTable) | values, max_size=3) | values,
    },
)
environments = st.dictionaries(
    st.sampled_from(
        [name for entry in load_catalogue().values() for name in (*entry.keys, entry.base_variable)]
    ),
    st.sampled_from([CANARY, "", f"ü{CANARY}", "http://10.0.0.1", f"http://u:{CANARY}@h"]),
    max_size=4,
)


def toml(value: Any) -> Any:
    """Return the value as TOML, everything inline."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(k)} = {toml(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text: str) -> Any:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def as_file(tables: Any) -> str:
    return "".join(f"{quoted(name)} = {toml(value)}\n" for name, value in tables.items())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "tracker.toml"


@given(tables=files | st.dictionaries(names, values, max_size=4), environ=environments)
def test_any_file_gives_a_config_or_mistakes_and_never_a_secret(
    path: Path, tables: Any, environ: Any
) -> None:
    path.write_text(as_file(tables), encoding="utf-8")
    assert repr(tomllib.loads(as_file(tables))) == repr(tables)
    try:
        config = read_config(path, environ, dotenv=None)
    except ConfigError as error:
        text = f"{error}\n{error!r}"
        assert error.mistakes
        assert len(str(error).split("\n")) == 1 + len(error.mistakes)
    else:
        text = f"{config!r}\n{config.warnings}"
        if CANARY not in as_file(tables):
            text += json.dumps(show_config(config))
    assert CANARY not in text


@given(st.binary(max_size=200))
def test_any_bytes_give_a_config_or_mistakes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        assert isinstance(read_config(path, {}, dotenv=None), Config)
    except ConfigError as error:
        assert error.source == str(path)


@given(files)
def test_the_schema_and_the_reader_agree(tables: Any) -> None:
    text = json.dumps(tables, default=str)
    assume("NaN" not in text and "Infinity" not in text)  # which JSON does not have
    valid = SCHEMA.is_valid(json.loads(text))
    _, mistakes = structure(json.loads(text))
    if not mistakes:
        assert valid
    elif valid:
        # Stricter than JSON Schema can express: 2.0 is no whole number, strings are printable.
        assert all(m.allowed.startswith(("a whole number", "a string")) for m in mistakes)


timings = st.builds(
    TimingTable,
    interval_seconds=st.none() | st.floats(0.1, 604_800),
    timeout_seconds=st.none() | st.floats(0.001, 3600),
    recheck_seconds=st.none() | st.lists(st.floats(0.001, 604_800), max_size=4).map(tuple),
)


@given(st.dictionaries(st.just("timeout_seconds"), st.floats(0.001, 300)), timings, timings)
def test_no_merged_timing_lets_checks_overlap(preset: Any, general: Any, own: Any) -> None:
    timing, mistakes = merge_timing(preset, general, own)
    assert timing.timeout_seconds <= timing.interval_seconds
    assert all(seconds <= timing.interval_seconds for seconds in timing.recheck_seconds)
    if mistakes:
        assert own.timeout_seconds or general.timeout_seconds


@given(environments)
def test_what_is_found_is_watched_missing_or_mistaken(environ: Any) -> None:
    variables = {name: value for name, value in environ.items() if value}
    for found in discover(load_catalogue(), variables):
        assert bool(found.provider) != bool(found.missing or found.mistakes)
        assert CANARY not in str(found)


@given(st.text() | st.builds("http{}://{}".format, st.sampled_from(["", "s"]), st.text()))
def test_any_text_is_a_base_url_or_is_refused_with_the_reason(url: Any) -> None:
    problem = url_problem(url)
    assert problem is None or problem


@given(st.text(max_size=200), st.text(max_size=20))
def test_a_shown_value_is_one_short_line_without_a_secret(text: str, name: str) -> None:
    line = format_value(text[:100] + CANARY + text[100:], name)
    assert len(line) <= 60
    assert line.isprintable()
    assert CANARY not in line
