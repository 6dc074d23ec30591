"""Taking over the history of the original tracker.

Its table ``provider_health_checks`` stays next to ours until its rows are too old to be kept; the
backup has all of them. It has no outcome kind, so the kind is read from the message if possible,
otherwise from the status; see ``kind_of``.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import apsw
import structlog

from tracker.core.outcomes import MESSAGE_LENGTH, OutcomeKind, Status
from tracker.store.connection import epoch_ms, transaction, value

log = structlog.get_logger()

ORIGINAL = "provider_health_checks"
SLOW_MS = 1_000.0  # the original's threshold
FORGET_ROWS = 2_000  # read in one transaction: about 5 ms

_TIMES = ("created_at", "last_check_timestamp")
_TEXTS = ("provider_name", "status", "error_message", *_TIMES)
_NUMBERS = ("response_time_ms", "rate_limit_percent", "consecutive_failures")

# In this order: "429 after connection reset" is a rate limit, "connection timed out" a time-out.
# {n} matches a status code: three digits that are not a port, as in "host:443 ssl:default".
_TOLD = tuple(
    (re.compile(pattern.replace("{n}", r"(?<![:.\w])"), re.IGNORECASE), kind)
    for pattern, kind in (
        (r"{n}429\b|rate.?limit|too many requests", OutcomeKind.RATE_LIMITED),
        (r"{n}402\b|quota|insufficient (credit|balance|funds)", OutcomeKind.QUOTA_EXHAUSTED),
        (r"{n}40[13]\b|unauthori[sz]ed|forbidden|invalid api.?key", OutcomeKind.AUTH),
        (r"{n}(408|504|524)\b|timed? ?-?out", OutcomeKind.TIMEOUT),
        (r"{n}(498|503|529)\b|overloaded", OutcomeKind.OVERLOADED),
        (r"{n}404\b", OutcomeKind.NOT_FOUND),
        (r"{n}5\d\d\b", OutcomeKind.SERVER),
        (r"{n}4\d\d\b", OutcomeKind.REQUEST),
        (r"getaddrinfo|name or service|name resolution|nodename|\bdns\b", OutcomeKind.DNS),
        (r"certificate|ssl.?cert|\b(ssl|tls)v?\d?\b(?!:)", OutcomeKind.TLS),
        (r"refused|unreachable|reset|connect", OutcomeKind.CONNECT),
        (r"json|decod|pars", OutcomeKind.BAD_RESPONSE),
    )
)

_INSERT = """
INSERT INTO checks (
    provider_name, checked_at_ms, status, outcome, response_time_ms, error_message,
    consecutive_failures, rate_limit_percent, completions
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)
"""

# So that the provider is in current_status from the start; it has no state to continue from.
_STATES = """
INSERT INTO provider_states (provider_name, last_check_id, response_time_ms)
SELECT
    provider_name,
    id,
    (SELECT response_time_ms FROM checks AS success
     WHERE success.provider_name = checks.provider_name AND outcome IN ('ok', 'slow')
     ORDER BY checked_at_ms DESC, id DESC LIMIT 1)
FROM checks
WHERE id IN (
    SELECT first_value(id) OVER (
        PARTITION BY provider_name ORDER BY checked_at_ms DESC, id DESC) FROM checks)
"""


def is_original(connection: apsw.Connection) -> bool:
    """Return whether it is not yet taken over: our version number is missing."""
    return value(connection, "PRAGMA user_version") == 0 and _has_original(connection)


def _has_original(connection: apsw.Connection) -> bool:
    named = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return bool(value(connection, named, (ORIGINAL,)))


def take_over(connection: apsw.Connection) -> None:
    """Copy every usable row into ``checks``; runs inside the migration's transaction."""
    connection.executemany(_INSERT, _usable_rows(connection))
    connection.execute(_STATES)
    copied = value(connection, "SELECT count(*) FROM checks")
    total = value(connection, f"SELECT count(*) FROM {ORIGINAL}")  # noqa: S608 (our constant)
    log.info("took over the original tracker's history", rows=copied, skipped=total - copied)


def _usable_rows(connection: apsw.Connection) -> Iterator[tuple[Any, ...]]:
    for row in connection.execute(_select(connection)):
        converted = convert(dict(zip((*_TEXTS, *_NUMBERS), row, strict=True)))
        if converted is not None:
            yield converted


def forget(connection: apsw.Connection, before: datetime) -> int:
    """Remove old rows of the original table from its beginning; returns how many.

    It has no index by time, but was written in the order of time: among the first FORGET_ROWS the
    old ones go, and where none is old, none behind is. A row whose time cannot be read is old.
    """
    with transaction(connection):
        if not _has_original(connection):
            return 0
        rows = connection.execute(
            f"SELECT rowid, {_texts(connection, _TIMES)} FROM {ORIGINAL} ORDER BY rowid LIMIT ?",  # noqa: S608
            (FORGET_ROWS,),
        )
        old = [(row,) for row, *times in rows if _is_before(times, before)]
        connection.executemany(f"DELETE FROM {ORIGINAL} WHERE rowid = ?", old)  # noqa: S608
        return len(old)


def _is_before(times: Iterable[bytes | None], before: datetime) -> bool:
    at = _moment(*map(_text, times))
    return at is None or at < before


def _select(connection: apsw.Connection) -> str:
    numbers = (
        f"CASE WHEN typeof({name}) IN ('integer', 'real') THEN {name} END" if there else "NULL"
        for name, there in _present(connection, _NUMBERS)
    )
    columns = ", ".join((_texts(connection, _TEXTS), *numbers))
    return f"SELECT {columns} FROM {ORIGINAL} ORDER BY rowid"  # noqa: S608


def _texts(connection: apsw.Connection, names: Iterable[str]) -> str:
    """Return SQL that reads texts as bytes: those that are not UTF-8 must not stop us."""
    return ", ".join(
        f"CAST({name} AS BLOB)" if there else "NULL" for name, there in _present(connection, names)
    )


def _present(connection: apsw.Connection, names: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Return each column with whether it is present: older tables lack some."""
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({ORIGINAL})")}
    return ((name, name in there) for name in names)


def convert(row: dict[str, Any]) -> tuple[Any, ...] | None:
    """Convert to one row for ``checks``, None where provider, time or status make no sense."""
    text = {name: _text(row[name]) for name in _TEXTS}
    at = _moment(*(text[name] for name in _TIMES))
    status = Status.__members__.get(text["status"].upper())
    if at is None or status is None or not text["provider_name"]:
        return None
    latency = _within(row["response_time_ms"], 86_400_000.0) or None  # 0 meant unknown
    message = "".join(c for c in text["error_message"] if c.isprintable())[:MESSAGE_LENGTH]
    kind = kind_of(status, message, latency)
    return (
        text["provider_name"],
        epoch_ms(at.timestamp()),
        status.value,
        kind.value,
        latency if kind.is_success else None,
        message,
        int(_within(row["consecutive_failures"], 1e9)),
        _within(row["rate_limit_percent"], 100.0),
    )


def kind_of(status: Status, message: str, latency: float | None) -> OutcomeKind:
    """Return what the original's check most likely found.

    Healthy was an answer in time. Degraded without a message was a slow one, with a message an
    error below its threshold. Down without a message was its timeout where there is no latency,
    else an answer with a 200: after three failures it judged every check down, forever.
    """
    if status is Status.HEALTHY:
        return OutcomeKind.OK
    if status is Status.UNKNOWN:
        return OutcomeKind.INTERNAL
    for pattern, kind in _TOLD:
        if pattern.search(message):
            return kind
    if message:
        return OutcomeKind.SERVER
    if latency is None:
        return OutcomeKind.BAD_RESPONSE if status is Status.DEGRADED else OutcomeKind.TIMEOUT
    return OutcomeKind.SLOW if status is Status.DEGRADED or latency > SLOW_MS else OutcomeKind.OK


def _text(found: bytes | None) -> str:
    return (found or b"").decode("utf-8", "replace").strip()


def _moment(created_at: str, last_check: str) -> datetime | None:
    """Read a moment.

    ``created_at`` is UTC, the other local without a zone, ambiguous once a year.
    """
    try:
        return datetime.fromisoformat(created_at).replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(last_check).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _within(number: float | None, most: float) -> float:
    """Return a number from 0 to ``most``, 0 for garbage."""
    return float(number) if number is not None and 0 <= number <= most else 0.0
