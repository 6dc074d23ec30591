"""What a ranking policy is: a pure callable over immutable candidates."""

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs

from tracker.reports import Status
from tracker.snapshot import Ranked

SAMPLES = 192  # counted checks a candidate remembers: sixteen half-lives of the default policy


@attrs.frozen
class Sample:
    """One counted check. ``latency_ms`` is None where it failed or its latency is not known."""

    ok: bool
    latency_ms: float | None
    at: float  # seconds since the epoch


@attrs.frozen(kw_only=True, eq=False)
class Candidate:
    """A usable provider as a policy sees it. ``samples``: newest last, at most SAMPLES.

    Compared by identity: a provider without a new check keeps its candidate, so a policy may
    remember what it worked out for one.
    """

    provider: str
    status: Status
    samples: tuple[Sample, ...] = ()
    consecutive_failures: int = 0
    timeout_ms: float = 10_000.0
    last_check: datetime | None = None


Policy = Callable[[Sequence[Candidate], str | None], Sequence[Ranked]]
"""Orders candidates, best first, each exactly once; the second argument is the present best.

Pure: the same candidates and incumbent give the same order, whatever the order of the input.
"""
