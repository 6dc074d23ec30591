"""What an actor says to the aggregator: outcomes, plans and crashes. All of it frozen."""

import math
import traceback
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs
from attrs.validators import ge, instance_of, max_len, min_len, optional

MESSAGE_LENGTH = 200  # of provider text we keep: enough to recognise an error, too short to hide in


class OutcomeKind(StrEnum):
    """What a check found (CONTRACT, section 4)."""

    OK = "ok"
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"
    AUTH = "auth"
    TIMEOUT = "timeout"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    SERVER = "server"
    OVERLOADED = "overloaded"
    BLOCKED = "blocked"
    NOT_FOUND = "not_found"
    BAD_RESPONSE = "bad_response"
    REQUEST = "request"
    INTERNAL = "internal"

    @property
    def is_success(self) -> bool:
        """Counts as up."""
        return self in _SUCCESSES

    @property
    def is_limit(self) -> bool:
        """Reachable, but not to be used until its reset; not counted."""
        return self in _LIMITS

    @property
    def is_ours(self) -> bool:
        """Our own fault: it says nothing about the provider."""
        return self in _OURS

    @property
    def is_failure(self) -> bool:
        """Counts as down."""
        return not (self.is_success or self.is_limit or self.is_ours)


_SUCCESSES = frozenset({OutcomeKind.OK, OutcomeKind.SLOW})
_LIMITS = frozenset({OutcomeKind.RATE_LIMITED, OutcomeKind.QUOTA_EXHAUSTED})
_OURS = frozenset({OutcomeKind.REQUEST, OutcomeKind.INTERNAL})


class Status(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


def is_aware(_: Any, attribute: "attrs.Attribute[Any]", value: datetime) -> None:
    if value.tzinfo is None:
        raise ValueError(f"{attribute.name} must carry a time zone")


def is_finite(_: Any, attribute: "attrs.Attribute[Any]", value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be finite, got {value}")


@attrs.frozen(kw_only=True)
class Facts:
    """What is proven, each True, False or None (not proven)."""

    reachable: bool | None = None
    authenticated: bool | None = None
    quota_available: bool | None = None
    inference: bool | None = None  # a completion was answered

    def updated(self, newer: "Facts") -> "Facts":
        """These facts, with each one that ``newer`` proves replaced."""
        return Facts(
            reachable=_proven(self.reachable, newer.reachable),
            authenticated=_proven(self.authenticated, newer.authenticated),
            quota_available=_proven(self.quota_available, newer.quota_available),
            inference=_proven(self.inference, newer.inference),
        )


def _proven(before: bool | None, newer: bool | None) -> bool | None:
    return before if newer is None else newer


@attrs.frozen(kw_only=True)
class LimitReading:
    """One rate limit as a provider told it (or as we estimate it).

    limit and remaining in the limit's own unit (requests, tokens, credits); window in seconds.
    """

    name: str = attrs.field(validator=min_len(1))
    limit: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    remaining: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    window_seconds: float | None = attrs.field(default=None, validator=optional(is_finite))
    reset_at: datetime | None = attrs.field(default=None, validator=optional(is_aware))

    @property
    def used_percent(self) -> float | None:
        """0..100, or None where limit or remaining is unknown. A limit of 0 is all used."""
        if self.limit is None or self.remaining is None:
            return None
        if self.limit == 0:
            return 100.0
        return 100.0 * (1.0 - min(self.remaining / self.limit, 1.0))


class LimitSource(StrEnum):
    HEADERS = "headers"
    BODY = "body"
    ESTIMATE = "estimate"
    NONE = "none"


class KeyState(StrEnum):
    UNKNOWN = "unknown"  # not tried yet
    OK = "ok"
    REFUSED = "refused"
    SPENT = "spent"
    RATE_LIMITED = "rate_limited"


@attrs.frozen(kw_only=True)
class KeyReport:
    """How one of a provider's keys fared; ``number`` counts from 1, the key itself never shows."""

    number: int = attrs.field(validator=ge(1))
    state: KeyState = KeyState.UNKNOWN


@attrs.frozen(kw_only=True)
class CheckResult:
    """What one check found out, before an actor adds whose it is and when it was.

    latency: seconds from sending the deciding request to its last byte; None when not known.
    ttft: seconds to the first token of a streamed completion.
    retry_after: seconds until the provider asked us to come back (header or body), None untold.
    models: the model list, None where the check read none.
    completions: how many completions this check spent; requests: how many requests it sent.
    """

    kind: OutcomeKind = attrs.field(validator=instance_of(OutcomeKind))
    message: str = attrs.field(default="", validator=max_len(MESSAGE_LENGTH))
    latency: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    ttft: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    http_status: int | None = None
    facts: Facts = Facts()
    limits: tuple[LimitReading, ...] = ()
    limits_source: LimitSource = LimitSource.NONE
    retry_after: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    models: tuple[str, ...] | None = None
    requests: int = 1
    completions: int = 0
    keys: tuple[KeyReport, ...] = ()


@attrs.frozen(kw_only=True)
class Outcome:
    """One finished check. ``at``: when it began, UTC; ``ended``: steady seconds."""

    provider: str = attrs.field(validator=min_len(1))
    at: datetime = attrs.field(validator=is_aware)
    ended: float
    finding: CheckResult

    @property
    def kind(self) -> OutcomeKind:
        return self.finding.kind

    @property
    def latency_ms(self) -> float | None:
        latency = self.finding.latency
        return None if latency is None else latency * 1000.0


@attrs.frozen(kw_only=True)
class CheckCompleted:
    """A check is done; the next is due at ``next_due`` (steady seconds; None: only on request)."""

    outcome: Outcome
    next_due: float | None


@attrs.frozen(kw_only=True)
class CheckRescheduled:
    """The next check moved, because the provider was tuned or its reset became known."""

    provider: str
    next_due: float | None


@attrs.frozen(kw_only=True)
class ActorCrashed:
    """An actor's own bug. ``spent``: its restart budget is used up, it will not run again.

    error and trace are whole: whoever shows them masks first and cuts then, or half a key remains.
    """

    provider: str
    error: str  # the exception in a line
    trace: str
    count: int
    spent: bool

    @classmethod
    def of(cls, provider: str, error: BaseException, *, count: int, spent: bool) -> "ActorCrashed":
        line = " ".join(f"{type(error).__name__}: {error}".split())
        trace = "".join(traceback.format_exception(error))
        return cls(provider=provider, error=line, trace=trace, count=count, spent=spent)
