"""One attempt of a real call, as reported by a proxy and as classified by us. Frozen."""

from enum import StrEnum

import msgspec

from tracker.core.outcomes import CheckResult, OutcomeKind


class NeutralOutcome(StrEnum):
    """Outcomes that count as a call but not for health (contract, section 4)."""

    CANCELLED = "cancelled"  # by the caller
    CALLER_TIMEOUT = "caller_timeout"  # the caller waited for less time than our checks do
    REQUEST = "request"  # malformed, or too long for the model
    CONTENT_FILTER = "content_filter"
    CACHED = "cached"  # the provider was not called
    INTERNAL = "internal"  # the proxy's own fault


CallOutcome = OutcomeKind | NeutralOutcome


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted report. A struct instead of attrs: a thousand are made in a millisecond.

    at: seconds since 1970, never in the future. key: its number; None: not given, or there is only
    one. model: the provider's id; empty if not given. limit: rate limits from headers. mark: the
    hash of its id (seen.mark_of).
    """

    provider: str
    reporter: str
    at: float
    outcome: CallOutcome
    model: str = ""
    key: int | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    output_tokens: int | None = None
    limit: CheckResult | None = None
    mark: int = 0

    @property
    def is_neutral(self) -> bool:
        """Return whether the call says nothing about the provider, such as a cancelled one."""
        return isinstance(self.outcome, NeutralOutcome)

    @property
    def is_success(self) -> bool:
        """Return whether the provider answered as it should."""
        return isinstance(self.outcome, OutcomeKind) and self.outcome.is_success

    @property
    def is_failure(self) -> bool:
        """Return whether the provider failed; a limit is no failure."""
        return isinstance(self.outcome, OutcomeKind) and self.outcome.is_failure

    @property
    def is_counted(self) -> bool:
        """Return whether it counts for health: a limit does not, as with checks."""
        return self.is_success or self.is_failure
