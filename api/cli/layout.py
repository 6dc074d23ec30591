"""Deciding how wide the columns of a table are, and which are left out. Pure.

Names are shortened before statuses and numbers: half a name is still useful, half a status is not.
A sentence that would become a column of single words is put below its row instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs

GAP = 2  # blanks between two columns
Kind = Literal["name", "sentence", "word", "number"]
# Columns are left out until names and sentences get this many characters …
WANTED: Mapping[str, int] = {"name": 20, "sentence": 30}
# … then these are shortened, and names again when there is no sentence to put below.
NARROW: Mapping[str, int] = {"name": 14, "sentence": 24}
TIGHTEST: Mapping[str, int] = {"name": 8}


@attrs.frozen
class ColumnSize:
    """natural: width of the longest cell. spare: 0 is never left out; the highest goes first."""

    natural: int
    kind: Kind = "word"
    spare: int = 0


@attrs.frozen
class Layout:
    """widths: by the column's position; a column that is left out has none.

    stacked: sentences are below their rows.
    """

    widths: Mapping[int, int]
    stacked: bool = False


def fit_columns(columns: Sequence[ColumnSize], width: int) -> Layout:
    """Give every column its width, so that a row fits if it can."""
    side_by_side = _fit(dict(enumerate(columns)), width)
    if side_by_side is not None:
        return Layout(side_by_side)
    short = {at: one for at, one in enumerate(columns) if one.kind != "sentence"}
    fitted = _fit(short, width) or _least(_needed(short), TIGHTEST)
    return Layout(fitted, stacked=len(short) < len(columns))


def _fit(columns: dict[int, ColumnSize], width: int) -> dict[int, int] | None:
    """Return the layout that fits, None where even the narrowest form is too wide."""
    for kept in _leave_out(columns):
        if _total(sizes := _least(kept, WANTED)) <= width:
            return _grow(sizes, kept, width)
    needed = _needed(columns)
    if _total(sizes := _least(needed, NARROW)) <= width:
        return _grow(sizes, needed, width)
    return None


def _leave_out(columns: dict[int, ColumnSize]) -> Iterator[dict[int, ColumnSize]]:
    """Yield all columns, and then one spare column less each time."""
    spares = sorted({one.spare for one in columns.values()} | {0}, reverse=True)
    for most in spares:
        yield {at: one for at, one in columns.items() if one.spare <= most}


def _needed(columns: dict[int, ColumnSize]) -> dict[int, ColumnSize]:
    return {at: one for at, one in columns.items() if one.spare == 0}


def _least(columns: dict[int, ColumnSize], limits: Mapping[str, int]) -> dict[int, int]:
    return {at: min(one.natural, limits.get(one.kind, one.natural)) for at, one in columns.items()}


def _total(sizes: Mapping[int, int]) -> int:
    return sum(sizes.values()) + GAP * max(len(sizes) - 1, 0)


def _grow(sizes: dict[int, int], columns: dict[int, ColumnSize], width: int) -> dict[int, int]:
    """Give what room is left to names, then to sentences, as far as they need it.

    A third of the width at most to one name: a sentence can use all the rest.
    """
    rest = width - _total(sizes)
    grown = dict(sizes)
    for kind, most in (("name", width // 3), ("sentence", width), ("name", width)):
        for at, one in columns.items():
            if one.kind == kind:
                more = max(min(one.natural, most) - grown[at], 0)
                grown[at] += min(more, rest)
                rest -= min(more, rest)
    return grown
