"""How the tracker itself is: live values for its operators, not part of any snapshot."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from tracker.supervisor import ActorHealth


@attrs.frozen(kw_only=True)
class DatabaseHealth:
    """state: "ok" or "unavailable". buffered: results that wait in memory; dropped: lost ones."""

    state: str
    reason: str = ""
    buffered: int = 0
    dropped: int = 0


@attrs.frozen(kw_only=True)
class TrackerHealth:
    """status: "ok"; "degraded" while something is wrong that the tracker lives with; "failing"
    when its loop, its aggregator or an actor no longer beats. problems: why, in sentences.
    """

    status: str
    problems: tuple[str, ...]
    running: bool
    ready: bool
    started_at: datetime
    providers_monitored: int
    database: DatabaseHealth
    actors: Mapping[str, ActorHealth]
    loop_lag_ms: float
    worst_loop_lag_ms: float
    stalls: int
    aggregator_restarts: int
    writer_restarts: int
    reports_dropped: int
    feeds_dropped: int
    revision: int
    policy: str
    configuration_errors: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        return self.status != "failing"
