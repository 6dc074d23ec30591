"""Short functions that make the values that many tests need."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.helpers.waiting import wait_until
from tracker import Tracker
from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.settings import Provider, Timing

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AT_START = ClockReading(START, 0.0)


def finding(
    kind: OutcomeKind = OutcomeKind.OK, latency_ms: float | None = 100.0, **more: Any
) -> CheckResult:
    known = latency_ms if kind.is_success else None
    reachable = kind not in {
        OutcomeKind.TIMEOUT,
        OutcomeKind.DNS,
        OutcomeKind.CONNECT,
        OutcomeKind.TLS,
    }
    more.setdefault("facts", Facts(reachable=reachable))
    return CheckResult(kind=kind, latency_ms=known, **more)


def outcome(
    kind: OutcomeKind = OutcomeKind.OK, *, provider: str = "groq", after: float = 0.0, **more: Any
) -> CheckResult:
    """Return a check that began ``after`` seconds past START, which is steady second 0."""
    at = START + timedelta(seconds=after)
    return finding(kind, provider=provider, at=at, **more)


def provider(name: str = "groq", *, enabled: bool = True, **timing: Any) -> Provider:
    return Provider(
        name=name,
        base_url="http://127.0.0.1:9/v1",
        timing=Timing(**timing),
        enabled=enabled,
    )


async def until_swept(tracker: Tracker) -> None:
    """Wait until every provider was checked once, and none twice."""
    with tracker.board.subscribe() as feed:
        while not tracker.snapshot.swept:
            await feed.receive()


async def until_settled(tracker: Tracker) -> None:
    """Wait until everything was checked once, the file is open and its history loaded."""
    await until_swept(tracker)
    await wait_until(lambda: not tracker.health(actors=False).problems)
