"""Changes for spreadsheets and data frames: one row per change."""

from collections.abc import Generator, Iterable
from itertools import islice

from api.exports.csv import escape_formula
from api.exports.history_csv import PIECE, encode_lines
from api.schemas.convert import instant
from tracker.core.records import ChangeRecord

COLUMNS = ("timestamp", "kind", "provider_name", "before", "after", "reason")


def encode_changes_csv(changes: Iterable[ChangeRecord]) -> Generator[bytes, None, None]:
    """Yield RFC 4180 in UTF-8, oldest first; an empty cell where there was nothing."""
    yield encode_lines([COLUMNS])
    rows = map(_row, changes)
    while piece := list(islice(rows, PIECE)):
        yield encode_lines(piece)


def _row(change: ChangeRecord) -> tuple[str, ...]:
    texts = (change.provider, change.before, change.after, change.reason)
    return instant(change.at), change.kind.value, *(escape_formula(text or "") for text in texts)
