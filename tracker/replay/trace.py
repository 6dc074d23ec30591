"""Reading a trace: ``timestamp_utc,provider,ok,latency_ms,http_status``; empty means unknown."""

import csv
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from tracker.core.clock import utc_now
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import LONGEST_SECONDS, Timing
from tracker.probes.classify import STATUSES
from tracker.replay.history import History, RecordedCheck, ReplayError, infer_intervals
from tracker.replay.notes import describe_gaps

COLUMNS = ("timestamp_utc", "provider", "ok", "latency_ms", "http_status")
NO_STATUS = frozenset({"", "0"})  # Upptime writes 0 without an answer
YES, NO = frozenset({"1", "true"}), frozenset({"0", "false"})


def read_trace(
    path: Path,
    *,
    timing: Timing = Timing(),
    timings: Mapping[str, Timing] | None = None,
    now: Callable[[], datetime] = utc_now,
) -> History:
    """Read the rows, in any order. Raises ReplayError, with the line, for what is no trace.

    timings: providers' own; timing: of all others. A reply as slow as the time-out is a time-out,
    one over the threshold is slow.
    """
    own = timings or {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(_read_rows(csv.reader(file, strict=True)))
        checks = [
            check
            for line, row in rows
            if (check := _parse_row(line, row, own.get(row["provider"], timing)))
        ]
        history = History.of(_with_intervals(checks), notes=tuple(_notes(checks, rows, now())))
        return attrs.evolve(history, notes=(*history.notes, *describe_gaps(history)))
    except OSError as error:
        raise ReplayError(f"{path} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReplayError(f"{path} is not a CSV file in UTF-8: {error}") from error
    except ReplayError as error:
        raise ReplayError(f"{path}: {error}") from error


def _read_rows(lines: Any) -> Iterator[tuple[int, dict[str, str]]]:
    """Return the line number of each row, and its cells by column."""
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


def _parse_row(line: int, row: dict[str, str], timing: Timing) -> RecordedCheck | None:
    """Parse a row, None for one that does not say whether the check succeeded."""
    try:
        at, latency, status = _time(row), _latency(row), _status(row)
        ok, provider = _truth(row), _provider(row)
    except ReplayError as error:
        raise ReplayError(f"line {line}: {error}") from None
    if ok is None:
        return None
    kind = _kind(ok, latency, status, timing)
    result = CheckResult(
        kind=kind, provider=provider, at=at, latency_ms=latency, http_status=status
    )
    return RecordedCheck(result)


def _kind(ok: bool, latency: float | None, status: int | None, timing: Timing) -> OutcomeKind:
    if latency is not None and latency >= timing.timeout_seconds * 1000.0:
        return OutcomeKind.TIMEOUT
    if ok:
        slow = latency is not None and latency > timing.degraded_latency_ms
        return OutcomeKind.SLOW if slow else OutcomeKind.OK
    if status is None:
        return OutcomeKind.CONNECT
    if 400 <= status < 500:
        return STATUSES.get(status, OutcomeKind.REQUEST)
    return STATUSES.get(status, OutcomeKind.SERVER if status >= 500 else OutcomeKind.BAD_RESPONSE)


def _with_intervals(checks: Sequence[RecordedCheck]) -> list[RecordedCheck]:
    """Give each check its provider's usual interval: so one that ends grows stale, as live."""
    usual = infer_intervals(checks)
    return [
        attrs.evolve(
            check,
            interval=_bound_interval(usual.get(check.outcome.provider)),
        )
        for check in checks
    ]


def _bound_interval(seconds: float | None) -> float | None:
    return None if seconds is None else min(seconds, LONGEST_SECONDS)


def _time(row: dict[str, str]) -> datetime:
    text = row["timestamp_utc"]
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        at.timestamp()
    except (ValueError, OverflowError):
        raise ReplayError(
            f"timestamp_utc {text!r:.40} is not a time like 2026-01-31T12:00:00Z"
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
        raise ReplayError(
            f"latency_ms {text!r:.40} is not a number of milliseconds (leave it empty if unknown)"
        )
    return latency


def _status(row: dict[str, str]) -> int | None:
    text = row["http_status"].removesuffix(".0")  # as spreadsheets and data frames write it
    if text in NO_STATUS:
        return None
    if not (text.isascii() and text.isdigit() and 100 <= int(text[:4]) <= 599 and len(text) == 3):
        raise ReplayError(
            f"http_status {text!r:.40} is not an HTTP status (leave it empty if unknown)"
        )
    return int(text)


def _provider(row: dict[str, str]) -> str:
    if not row["provider"]:
        raise ReplayError("provider is empty")
    return row["provider"]


def _truth(row: dict[str, str]) -> bool | None:
    text = row["ok"].lower().removesuffix(".0")
    if text and text not in YES | NO:
        raise ReplayError(f"ok {text!r:.40} is neither 1 nor 0 (leave it empty if unknown)")
    return text in YES if text else None


def _notes(
    checks: Sequence[RecordedCheck], rows: Sequence[tuple[int, dict[str, str]]], now: datetime
) -> Iterator[str]:
    if skipped := len(rows) - len(checks):
        yield f"{skipped} rows skipped: they do not say whether the check succeeded"
    if zero := sum(row["http_status"].removesuffix(".0") == "0" for _, row in rows):
        yield f"{zero} rows have http_status 0, which means unknown"
    if future := sum(check.outcome.at > now for check in checks):
        yield f"{future} rows are dated in the future; they are replayed in their order"
    kinds = Counter(check.outcome.kind for check in checks)
    if ours := kinds[OutcomeKind.REQUEST]:
        yield (
            f"{ours} rows are malformed requests (another 4xx): not counted, like in a "
            "running tracker"
        )
    if limits := kinds[OutcomeKind.RATE_LIMITED] + kinds[OutcomeKind.QUOTA_EXHAUSTED]:
        yield (
            f"{limits} rows are rate limits without a reset: "
            "the provider returns with its next successful check"
        )
    good = [check for check in checks if check.outcome.kind.is_success]
    if untimed := sum(check.outcome.latency_ms is None for check in good):
        yield f"{untimed} of {len(good)} answers have no latency: their time is not known"
