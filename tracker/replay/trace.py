"""Reads a trace: ``timestamp_utc,provider,ok,latency_ms,http_status``; empty means unknown."""

import csv
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tracker.core.clock import utc_now
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Timing
from tracker.probes.classify import STATUSES
from tracker.replay.history import History, RecordedCheck, ReplayError

COLUMNS = ("timestamp_utc", "provider", "ok", "latency_ms", "http_status")
YES, NO = frozenset({"1", "true"}), frozenset({"0", "false"})


def read_trace(
    path: Path,
    *,
    timing: Timing = Timing(),
    now: Callable[[], datetime] = utc_now,
) -> History:
    """Rows may stand in any order. Raises ReplayError, with the line, for what is no trace.

    timing: a reply as slow as its time-out is a time-out, one over its threshold is slow.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(_rows(csv.reader(file, strict=True)))
        observed = [seen for line, row in rows if (seen := _observed(line, row, timing))]
        return History.of(observed, notes=tuple(_notes(observed, len(rows), now())))
    except OSError as error:
        raise ReplayError(f"{path} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReplayError(f"{path} is no CSV file in UTF-8: {error}") from error
    except ReplayError as error:
        raise ReplayError(f"{path}: {error}") from error


def _rows(lines: Any) -> Iterator[tuple[int, dict[str, str]]]:
    """The line number of each row, and its cells by column."""
    header = [name.strip() for name in next(lines, [])]
    if missing := [name for name in COLUMNS if name not in header]:
        raise ReplayError(
            f"column {', '.join(missing)} is missing; a trace has {','.join(COLUMNS)}"
        )
    for cells in lines:
        if not cells:
            continue  # an empty line
        if len(cells) != len(header):
            told = f"line {lines.line_num} has {len(cells)} cells, not {len(header)}"
            raise ReplayError(told)
        yield lines.line_num, dict(zip(header, map(str.strip, cells), strict=True))


def _observed(line: int, row: dict[str, str], timing: Timing) -> RecordedCheck | None:
    """None for a row that does not say whether the check succeeded."""
    try:
        at, latency, status = _time(row), _latency(row), _status(row)
        ok, provider = _truth(row), _provider(row)
    except ReplayError as error:
        raise ReplayError(f"line {line}: {error}") from None
    if ok is None:
        return None
    kind = _kind(ok, latency, status, timing)
    known = latency if kind.is_success else None
    result = CheckResult(kind=kind, provider=provider, at=at, latency_ms=known, http_status=status)
    return RecordedCheck(result)


def _kind(ok: bool, latency: float | None, status: int | None, timing: Timing) -> OutcomeKind:
    if latency is not None and latency >= timing.timeout_seconds * 1000.0:
        return OutcomeKind.TIMEOUT
    if ok:
        slow = latency is not None and latency > timing.degraded_latency_ms
        return OutcomeKind.SLOW if slow else OutcomeKind.OK
    if status is None:
        return OutcomeKind.CONNECT
    return STATUSES.get(status, OutcomeKind.SERVER if status >= 500 else OutcomeKind.BAD_RESPONSE)


def _time(row: dict[str, str]) -> datetime:
    text = row["timestamp_utc"]
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        at.timestamp()
    except (ValueError, OverflowError):
        raise ReplayError(
            f"timestamp_utc {text!r:.40} is no time like 2026-01-31T12:00:00Z"
        ) from None
    return at


def _latency(row: dict[str, str]) -> float | None:
    text = row["latency_ms"]
    if not text:
        return None
    try:
        latency = float(text)
    except ValueError:
        latency = math.nan
    if not (math.isfinite(latency) and latency >= 0.0):
        raise ReplayError(f"latency_ms {text!r:.40} is no number of milliseconds (unknown: empty)")
    return latency


def _status(row: dict[str, str]) -> int | None:
    text = row["http_status"].removesuffix(".0")  # as spreadsheets and data frames write it
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 100 <= int(text[:4]) <= 599 and len(text) == 3):
        raise ReplayError(f"http_status {text!r:.40} is none (unknown: empty)")
    return int(text)


def _provider(row: dict[str, str]) -> str:
    if not row["provider"]:
        raise ReplayError("provider is empty")
    return row["provider"]


def _truth(row: dict[str, str]) -> bool | None:
    text = row["ok"].lower().removesuffix(".0")
    if text and text not in YES | NO:
        raise ReplayError(f"ok {text!r:.40} is neither 1 nor 0 (unknown: empty)")
    return text in YES if text else None


def _notes(observed: list[RecordedCheck], rows: int, now: datetime) -> Iterator[str]:
    if skipped := rows - len(observed):
        yield f"{skipped} rows left out: they do not say whether the check succeeded"
    if future := sum(seen.outcome.at > now for seen in observed):
        yield f"{future} rows are dated in the future; they are replayed in their order"
