"""Records for the store: a check, a change, an operator's override. All frozen."""

from datetime import datetime
from enum import StrEnum

import attrs

from tracker.core.incidents import Delivery, Incident
from tracker.core.outcomes import CheckResult, Status
from tracker.core.traffic import TrafficBatch


@attrs.frozen(kw_only=True)
class CheckRecord:
    """One check and the status decided from it.

    interval_seconds: the interval in force at the time. state: the provider's health as JSON, to
    continue from after a restart; empty where a later check has it. provider_state: the same for
    the provider, when the check of an offer counts against the provider too. origin, origin_id: for
    a check made by another tracker, that tracker's database file and the row number there.
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
    """A check stored as the provider's failure that was a failure of our own network."""

    provider: str
    at: datetime
    message: str


class ChangeKind(StrEnum):
    STATUS = "status"  # a provider's status changed
    BEST = "best"  # another provider is recommended now
    INCIDENT = "incident"  # one opened or closed
    OFFER = "offer"  # a watched offer's status changed
    MODEL = "model"  # a model appeared in a provider's list, or disappeared


@attrs.frozen(kw_only=True)
class ChangeRecord:
    """A change an operator may look up later. before, after: None where there was nothing."""

    kind: ChangeKind
    at: datetime
    provider: str | None
    before: str | None
    after: str | None
    reason: str


@attrs.frozen(kw_only=True)
class OverrideRecord:
    """Settings an operator changed at run time; None returns to the value in the file."""

    provider: str
    interval_seconds: float | None
    enabled: bool | None


@attrs.frozen(kw_only=True)
class MuteRecord:
    """No messages about this provider until then; None ends the mute."""

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
    """One stored check on its way to or from the hub. ``seq``: its row number in its own file.

    at: in UTC. status, outcome: as strings, readable by another version. Latencies in ms.
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
