"""Records to store, and a look at what is stored that does not go through the store."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw

from tracker.core.clock import Clock
from tracker.core.latency_sketch import LatencySketch
from tracker.core.outcomes import CheckResult, OutcomeKind, Status
from tracker.core.records import CheckRecord
from tracker.core.traffic import TrafficRecord

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW)


def counted(
    calls: int = 1,
    *,
    minute: datetime = NOW - timedelta(minutes=5),
    outcome: str = "ok",
    latency_ms: float = 100.0,
) -> TrafficRecord:
    """Calls of groq's model m, told by p."""
    sketch = LatencySketch()
    for _ in range(calls):
        sketch.add(latency_ms)
    return TrafficRecord(
        minute=minute,
        provider="groq",
        model="m",
        key=1,
        reporter="p",
        outcome=outcome,
        calls=calls,
        latency_samples=calls,
        latency_ms_sum=calls * latency_ms,
        latency_sketch=sketch.encode(),
    )


def check(provider: str = "a", *, seconds: float = 0.0, **changes: Any) -> CheckRecord:
    """``seconds`` before NOW."""
    judged: dict[str, Any] = {
        "status": Status.HEALTHY,
        "interval_seconds": 300.0,
        "consecutive_failures": 0,
        "rate_limit_percent": 0.0,
        "state": "{}",
        "provider_state": "",
    }
    found: dict[str, Any] = {
        "kind": OutcomeKind.OK,
        "provider": provider,
        "at": NOW - timedelta(seconds=seconds),
        "latency_ms": 120.0,
        "http_status": 200,
    }
    judged |= {name: value for name, value in changes.items() if name in judged}
    found |= {name: value for name, value in changes.items() if name not in judged}
    return CheckRecord(result=CheckResult(**found), **judged)


@contextmanager
def opened(path: Path) -> Iterator[apsw.Connection]:
    """As another program opens it. Never with the module sqlite3: a second SQLite library in one
    process neither sees nor keeps the locks of the first.
    """
    connection = apsw.Connection(str(path))
    try:
        yield connection
    finally:
        connection.close()


def ask(path: Path, sql: str, *bindings: Any) -> list[tuple[Any, ...]]:
    with opened(path) as connection:
        return connection.execute(sql, bindings).fetchall()


def stored(path: Path) -> list[str]:
    """The messages of all checks, in the order of writing."""
    return [message for (message,) in ask(path, "SELECT error_message FROM checks ORDER BY id")]


def beside(path: Path, word: str) -> list[Path]:
    """What was kept beside the database, without the companions."""
    found = sorted(path.parent.glob(f"{path.name}.{word}-*"))
    return [each for each in found if not each.name.endswith(("-wal", "-shm"))]
