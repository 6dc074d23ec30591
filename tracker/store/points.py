"""The points of a history: single checks, or buckets of them."""

from collections.abc import Mapping
from datetime import UTC, datetime

import attrs
import msgspec

from tracker.core.outcomes import OutcomeKind, Status

# The points are msgspec structs that the garbage collector skips: with 170,000 attrs instances in
# an answer, a full collection stops the event loop for 70 ms.


class RawPoint(msgspec.Struct, frozen=True, gc=False):
    """One check. ``response_time_ms``: as measured, whatever the outcome.

    error_message: why it failed, empty if it did not.
    """

    at: datetime
    status: Status
    kind: OutcomeKind
    response_time_ms: float | None
    error_message: str = ""


class BucketLatency(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Successful checks of one bucket, in milliseconds; p50 and p95 by nearest rank, exact."""

    min: float
    avg: float
    p50: float
    p95: float
    max: float


class Bucket(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The checks from ``at``, a multiple of the resolution since 1970, to the next such moment.

    uptime_percent: None if nothing was counted. latency: None without a successful check.
    """

    at: datetime
    checks: int
    failures: int
    uptime_percent: float | None
    latency: BucketLatency | None


@attrs.frozen(kw_only=True, eq=False)
class History:
    """Points by provider, oldest first. resolution_seconds: None for single checks."""

    resolution_seconds: float | None
    providers: Mapping[str, tuple[RawPoint, ...] | tuple[Bucket, ...]]


def moment(ms: int) -> datetime:
    """Convert stored milliseconds since 1970 to an aware UTC time."""
    return datetime.fromtimestamp(ms / 1000.0, UTC)
