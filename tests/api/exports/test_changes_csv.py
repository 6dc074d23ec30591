"""Changes as CSV."""

import csv
import io

from api.exports.changes_csv import COLUMNS, encode_changes_csv
from tests.helpers.idle_tracker import NOON
from tracker.core.records import ChangeKind, ChangeRecord


def a_change(**given: str | None) -> ChangeRecord:
    known: dict[str, str | None] = {"provider": "groq", "before": None, "after": "down"}
    return ChangeRecord(kind=ChangeKind.STATUS, at=NOON, reason="HTTP 500", **known | given)


def rows(*changes: ChangeRecord) -> list[dict[str, str]]:
    text = b"".join(encode_changes_csv(changes)).decode()
    return [*csv.DictReader(io.StringIO(text, newline=""))]


def test_a_change_is_a_row_and_an_unknown_value_an_empty_cell() -> None:
    (row,) = rows(a_change())
    assert tuple(row) == COLUMNS
    assert [*row.values()] == [
        *("2026-03-01T12:00:00.000Z", "status", "groq", "", "down", "HTTP 500"),
    ]


def test_a_providers_text_stays_text_in_a_spreadsheet() -> None:
    hostile = '=HYPERLINK("http://x")\n,"and more"'
    given = dict.fromkeys(("provider", "before", "after"), hostile)
    (row,) = rows(a_change(**given))
    assert {row["provider_name"], row["before"], row["after"]} == {f"'{hostile}"}


def test_ten_thousand_changes_are_sent_in_pieces() -> None:
    pieces = [*encode_changes_csv([a_change()] * 10_000)]
    assert len(pieces) > 10
    assert b"".join(pieces).count(b"\r\n") == 10_001
