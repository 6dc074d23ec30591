"""What is stored: one record a check, one a change, one an operator's override. All frozen."""

from datetime import datetime
from enum import StrEnum

import attrs

from tracker.core.outcomes import OutcomeKind, Status


@attrs.frozen(kw_only=True)
class CheckRecord:
    """One check as it was judged. ``state``: what judging this provider carries on from, JSON."""

    provider: str
    at: datetime
    kind: OutcomeKind
    status: Status
    latency_ms: float | None
    ttft_ms: float | None
    interval_seconds: float  # in force when it was checked
    http_status: int | None
    message: str
    consecutive_failures: int
    rate_limit_percent: float
    completions: int
    state: str


class ChangeKind(StrEnum):
    STATUS = "status"  # a provider's status changed
    BEST = "best"  # another provider is recommended now
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


Record = CheckRecord | ChangeRecord | OverrideRecord
