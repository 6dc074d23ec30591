"""The export, whatever the names are."""

import csv
import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.exports.csv import COLUMNS, FORMULA_STARTS, encode_csv, escape_formula
from tests.helpers.idle_tracker import a_bare_provider, a_provider, a_snapshot
from tracker.core.provider_status import Uptime

names = st.text(min_size=1).filter(lambda name: "\x00" not in name)
numbers = st.none() | st.floats(0, 1e5)


def rows_of(*providers: Any) -> list[Any]:
    text = encode_csv(a_snapshot(*providers)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "name",
    ['=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"],
)
def test_a_formula_is_shown_as_text(name: str) -> None:
    [row] = rows_of(a_provider(name))
    assert row["provider_name"] == f"'{name}"


@pytest.mark.parametrize("name", ["groq", "a,b", 'say "hi"', "two\nlines", "g4f-main", "é東"])
def test_any_other_name_is_unchanged(name: str) -> None:
    [row] = rows_of(a_provider(name))
    assert row["provider_name"] == name


@given(names)
def test_no_cell_starts_a_formula(name: str) -> None:
    assert not escape_formula(name).startswith(FORMULA_STARTS)


@given(st.lists(st.tuples(names, numbers, numbers), unique_by=lambda row: row[0], max_size=8))
def test_every_provider_has_one_row_in_order(given_rows: Any) -> None:
    rows = rows_of(
        *(
            a_bare_provider(name, uptime=Uptime(day=uptime and uptime / 1e3), response_time_ms=ms)
            for name, uptime, ms in given_rows
        )
    )
    assert sorted(r["provider_name"] for r in rows) == sorted(
        escape_formula(n) for n, _, _ in given_rows
    )
    assert all(tuple(row) == COLUMNS for row in rows)
    uptimes = [-math.inf if r["uptime_percent"] == "" else float(r["uptime_percent"]) for r in rows]
    assert uptimes == sorted(uptimes, reverse=True)
