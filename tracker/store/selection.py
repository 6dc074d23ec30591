"""Which checks of the database are wanted, as conditions of a query and in pieces by the hour."""

import json
from collections.abc import Iterator
from typing import Any

import apsw
import attrs

from tracker.store.summaries import HOUR_MS

SOUGHT = 500  # names: up to this many are looked up per hour; with more, whole hours are read

_SUMMED = """
FROM hourly_checks
WHERE hour BETWEEN :first AND :last AND model = ifnull(:model, '')
ORDER BY hour, provider_name
"""
_SOUGHT = """
FROM hourly_checks
WHERE hour IN (SELECT value FROM json_each(:hours))
    AND provider_name IN (SELECT value FROM json_each(:names)) AND model = ifnull(:model, '')
ORDER BY hour, provider_name
"""
_COMPLETE = "SELECT hour FROM summed_hours WHERE complete AND hour BETWEEN ? AND ?"

# A list of hours and a list of providers make one index seek for each pair.
CHOSEN = """
FROM checks
WHERE checked_at_ms / 3600000 IN (SELECT value FROM json_each(:hours))
    AND provider_name IN (SELECT value FROM json_each(:names))
    AND checked_at_ms BETWEEN :since AND :until
    AND model IS :model
"""
ALL = """
FROM checks
WHERE checked_at_ms / 3600000 BETWEEN :first AND :last
    AND checked_at_ms BETWEEN :since AND :until
    AND model IS :model
"""


@attrs.frozen(kw_only=True)
class Selection:
    """The checks to read. names: None for every provider with checks. Both ends are included.

    model: checks of this offer; None for those of the providers themselves.
    """

    names: tuple[str, ...] | None
    since_ms: int
    until_ms: int
    model: str | None

    @property
    def first_hour(self) -> int:
        """Return the hour, counted from 1970, in which it begins."""
        return self.since_ms // HOUR_MS

    @property
    def last_hour(self) -> int:
        """Return the hour in which it ends."""
        return self.until_ms // HOUR_MS

    def statement(self, template: str) -> tuple[str, dict[str, Any]]:
        """Return a query of single checks, with ``{source}`` in it, and its bindings."""
        bindings: dict[str, Any] = {
            "since": self.since_ms,
            "until": self.until_ms,
            "model": self.model,
        }
        return self._complete(template, bindings, CHOSEN, ALL)

    def summed_statement(self, columns: str) -> tuple[str, dict[str, Any]]:
        """Return a query of summed hours, and its bindings."""
        sought = _SOUGHT if len(self.names or ()) <= SOUGHT else _SUMMED
        return self._complete(columns + "{source}", {"model": self.model}, sought, _SUMMED)

    def _complete(
        self, template: str, bindings: dict[str, Any], chosen: str, everything: str
    ) -> tuple[str, dict[str, Any]]:
        first, last = self.first_hour, self.last_hour
        if self.names is None or chosen is everything:
            return template.format(source=everything), bindings | {"first": first, "last": last}
        hours = json.dumps([*range(first, last + 1)])
        listed = {"hours": hours, "names": json.dumps(self.names)}
        return template.format(source=chosen), bindings | listed


def split_at_summed(
    connection: apsw.Connection, selection: Selection
) -> Iterator[tuple[Selection, bool]]:
    """Yield it in pieces, oldest first, each with whether it is whole hours that are summed up."""
    first, last = selection.first_hour, selection.last_hour
    if selection.model != "":  # no model has an empty name, and '' means none in the sums
        summed = {hour for (hour,) in connection.execute(_COMPLETE, (first, last))}
    else:
        summed = set()
    if selection.since_ms % HOUR_MS:
        summed.discard(first)
    if (selection.until_ms + 1) % HOUR_MS:
        summed.discard(last)
    begin = first
    for hour in range(first, last + 1):
        if hour == last or ((hour + 1) in summed) != (hour in summed):
            yield _narrow(selection, begin * HOUR_MS, (hour + 1) * HOUR_MS), hour in summed
            begin = hour + 1


def _narrow(selection: Selection, begin_ms: int, end_ms: int) -> Selection:
    """Return the part of it within these moments, the end excluded."""
    return attrs.evolve(
        selection,
        since_ms=max(selection.since_ms, begin_ms),
        until_ms=min(selection.until_ms, end_ms - 1),
    )


def count_checks(connection: apsw.Connection, selection: Selection) -> dict[str, int]:
    """Count checks of each provider; perhaps of others than the named ones as well."""
    counts: dict[str, int] = {}
    for piece, summed in split_at_summed(connection, selection):
        if summed:
            sql, bindings = piece.summed_statement("SELECT provider_name, checks")
        else:
            sql, bindings = piece.statement(
                "SELECT provider_name, count(*) {source} GROUP BY provider_name"
            )
        for name, count in connection.execute(sql, bindings):
            counts[name] = counts.get(name, 0) + count
    return counts


def pieces(selection: Selection, step_ms: int) -> Iterator[Selection]:
    """Yield it in pieces that end at multiples of ``step_ms``."""
    first, last = selection.since_ms // step_ms, selection.until_ms // step_ms
    for piece in range(first, last + 1):
        yield _narrow(selection, piece * step_ms, (piece + 1) * step_ms)
