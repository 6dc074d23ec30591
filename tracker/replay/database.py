"""Reads the checks that a tracker stored."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio

from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.replay.history import ROUND_SECONDS, History, RecordedCheck, ReplayError
from tracker.store.errors import Damaged, StoreUnavailable
from tracker.store.reading import read

_CHECKS = """
SELECT provider_name, checked_at_ms, outcome, response_time_ms, interval_seconds, http_status,
       rate_limit_percent
FROM checks
WHERE model IS NULL
ORDER BY checked_at_ms, id
"""
_KINDS: Mapping[str, OutcomeKind] = {kind.value: kind for kind in OutcomeKind}


async def read_database(path: Path) -> History:
    """Read all its checks; a tracker may be writing meanwhile. Raises ReplayError.

    A round lasts as long as the shortest interval in force, ten minutes at most.
    """
    try:
        found = await read(path, _select_rows, trio.CapacityLimiter(1))
    except StoreUnavailable as error:
        raise ReplayError(f"{path} cannot be replayed: {error.reason}") from error
    except Damaged as error:
        raise ReplayError(f"{path} is not a valid database: {error}") from error
    observed = [_parse_row(row) for row in found if row[2] in _KINDS]
    intervals = [seen.interval for seen in observed if seen.interval is not None]
    try:
        return History.of(observed, round_seconds=min([ROUND_SECONDS, *intervals]))
    except ReplayError as error:
        raise ReplayError(f"{path}: {error}") from error


def _select_rows(connection: Any) -> list[tuple[Any, ...]]:
    return list(connection.execute(_CHECKS))


def _parse_row(row: tuple[Any, ...]) -> RecordedCheck:
    provider, at_ms, outcome, latency_ms, interval, http_status, used = row
    result = CheckResult(
        kind=_KINDS[outcome],
        provider=provider,
        at=datetime.fromtimestamp(at_ms / 1000.0, UTC),
        latency_ms=latency_ms,
        http_status=http_status,
        # The stored check has only the used share of a limit, not which limit it was.
        limits=(LimitReading(name="stored", limit=100.0, remaining=100.0 - used),),
        limits_source=LimitSource.HEADERS,
    )
    return RecordedCheck(result, interval)
