"""What real calls add to a provider's health between two checks (CONTRACT 4, Reports). Pure."""

from typing import TYPE_CHECKING

import attrs

from tracker.core.outcomes import OutcomeKind
from tracker.core.settings import Timing

if TYPE_CHECKING:
    from tracker.health.health_state import HealthState


@attrs.frozen(kw_only=True)
class TrafficSigns:
    """What calls have shown; it applies until it expires or a check says otherwise.

    failure: the sentence about the last minute that counted as a failed check; empty after the next
    check. limited_until: steady seconds at which the limit ends that blocks every key for every
    model called; limit: its kind.
    """

    failure: str = ""
    limited_until: float | None = None
    limit: OutcomeKind | None = None

    def is_limited(self, now: float) -> bool:
        """Return whether calls reported a limit that still applies at this steady time."""
        return self.limited_until is not None and now < self.limited_until


def apply_failed_minute(
    health: "HealthState", message: str, timing: Timing, *, lone_reporter: bool
) -> "HealthState":
    """Return the health after a minute of calls that counts as one failed check.

    lone_reporter: nobody else says so. Alone it makes a provider degraded and not down, unless
    the last check failed as well.
    """
    failures = health.consecutive_failures + 1
    confirmed = health.outcome is not None and health.outcome.is_failure
    if lone_reporter and not confirmed and not health.down:
        failures = min(failures, max(timing.failures_to_down - 1, health.consecutive_failures))
    down = health.down or failures >= timing.failures_to_down
    return attrs.evolve(
        health,
        consecutive_failures=failures,
        down=down,
        recovery=None if down or health.recovery is None else 0,
        traffic=attrs.evolve(health.traffic, failure=message),
    )


def apply_call_limit(
    health: "HealthState", limited_until: float | None, limit: OutcomeKind | None
) -> "HealthState":
    """Return the health with the limit that calls are under now; None: no such limit."""
    signs = attrs.evolve(health.traffic, limited_until=limited_until, limit=limit)
    return health if signs == health.traffic else attrs.evolve(health, traffic=signs)
