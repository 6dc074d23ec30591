"""Records for the store: a check, a change, an operator's override. All frozen."""

from datetime import datetime
from enum import StrEnum

import attrs

from tracker.core.incidents import Delivery, Incident
from tracker.core.outcomes import CheckResult, Status
from tracker.core.traffic import TrafficBatch


@attrs.frozen(kw_only=True)
class CheckRecord:
    """One check and how it was judged.

    interval_seconds: in force when it was checked. state: what judging its provider carries on
    from after a restart, JSON; empty where a later check has it. provider_state: the same of its
    provider, where a check of an offer is held against that as well. origin, origin_id: another
    tracker's file, where that one checked, and the number there.
    """

    result: CheckResult
    status: Status
    interval_seconds: float
    consecutive_failures: int
    rate_limit_percent: float
    state: str
    provider_state: str = ""
    origin: str | None = None
    origin_id: int | None = None


@attrs.frozen(kw_only=True)
class CorrectionRecord:
    """A check, stored as the provider's failure, that turned out to be our own network's."""

    provider: str
    at: datetime
    message: str


class ChangeKind(StrEnum):
    STATUS = "status"  # a provider's status changed
    BEST = "best"  # another provider is recommended now
    INCIDENT = "incident"  # one opened or closed
    OFFER = "offer"  # a watched offer's status changed
    MODEL = "model"  # a model left a provider's list, or came


@attrs.frozen(kw_only=True)
class ChangeRecord:
    """Something an operator asks about later. before, after: None where there was nothing."""

    kind: ChangeKind
    at: datetime
    provider: str | None
    before: str | None
    after: str | None
    reason: str


@attrs.frozen(kw_only=True)
class OverrideRecord:
    """What an operator tuned at run time; None returns to the file's value."""

    provider: str
    interval_seconds: float | None
    enabled: bool | None


@attrs.frozen(kw_only=True)
class MuteRecord:
    """Nobody is told of this provider until then; None: somebody is again."""

    provider: str
    until: datetime | None


Record = (
    CheckRecord
    | CorrectionRecord
    | ChangeRecord
    | OverrideRecord
    | TrafficBatch
    | Incident
    | Delivery
    | MuteRecord
)


@attrs.frozen(kw_only=True)
class CheckRow:
    """One stored check on its way to the hub or from it. ``seq``: its number in its own file.

    at: in UTC. status, outcome: as words, for a reader of another version. Latencies in ms.
    """

    seq: int
    provider: str
    model: str | None
    at: datetime
    status: str
    outcome: str
    response_time_ms: float | None
    ttft_ms: float | None
    interval_seconds: float | None
    http_status: int | None
    error_message: str
    consecutive_failures: int
    rate_limit_percent: float
    completions: int
