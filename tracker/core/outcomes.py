"""What a check found: its outcome, the facts it proves, and the result value. All frozen."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum

import attrs
from attrs.validators import ge, instance_of, max_len, optional

from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.request_shape import RequestShape
from tracker.core.validators import is_aware, is_finite

NOT_STAMPED = datetime(1970, 1, 1, tzinfo=UTC)  # for a result whose actor has not set the time yet
MESSAGE_LENGTH = (
    200  # of provider text we keep: enough to recognise an error, too short to hide a secret in
)


class OutcomeKind(StrEnum):
    """What a check found (contract, section 4)."""

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
        """Return whether it counts as up."""
        return self in _SUCCESSES

    @property
    def is_limit(self) -> bool:
        """Return whether it is reachable but limited until a reset; that counts as nothing."""
        return self in _LIMITS

    @property
    def is_ours(self) -> bool:
        """Return whether it is our own fault, which says nothing about the provider."""
        return self in _OURS

    @property
    def is_failure(self) -> bool:
        """Return whether it counts as down."""
        return not (self.is_success or self.is_limit or self.is_ours)


_SUCCESSES = frozenset({OutcomeKind.OK, OutcomeKind.SLOW})
_LIMITS = frozenset({OutcomeKind.RATE_LIMITED, OutcomeKind.QUOTA_EXHAUSTED})
_OURS = frozenset({OutcomeKind.REQUEST, OutcomeKind.INTERNAL})


class Status(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


@attrs.frozen(kw_only=True)
class Facts:
    """What is proven, each True, False or None (not proven)."""

    reachable: bool | None = None
    authenticated: bool | None = None
    quota_available: bool | None = None
    inference: bool | None = None  # a completion was answered

    def updated(self, newer: "Facts", *, quota: bool | None) -> "Facts":
        """Return these facts, with each one that ``newer`` proves replaced.

        quota: whether quota is available, which the check tells in more ways than by its facts.
        """
        return Facts(
            reachable=_proven(self.reachable, newer.reachable),
            authenticated=_proven(self.authenticated, newer.authenticated),
            quota_available=quota,
            inference=_proven(self.inference, newer.inference),
        )


def _proven(before: bool | None, newer: bool | None) -> bool | None:
    return before if newer is None else newer


class KeyState(StrEnum):
    UNKNOWN = "unknown"  # not tried yet
    OK = "ok"
    REFUSED = "refused"
    SPENT = "spent"
    RATE_LIMITED = "rate_limited"


@attrs.frozen(kw_only=True)
class KeyReport:
    """The last result of one of a provider's keys; ``number`` counts from 1. Without the key."""

    number: int = attrs.field(validator=ge(1))
    state: KeyState = KeyState.UNKNOWN


@attrs.frozen(kw_only=True)
class CheckResult:
    """The result of one check: the one value that goes from the dialect to the store.

    provider, at: whose check it was and when it began, UTC; the actor fills them in.
    model: the offer that was asked, None for a check of the provider itself.
    latency_ms: from sending the deciding request to its last byte; None when not known.
    latency_stamped: True when the kernel stamped the arrival, so the latency excludes delays of our
    event loop; False when we read the clock ourselves; None when not known.
    ttft_ms: to the first token of a streamed completion.
    retry_after: seconds the provider asked us to wait (header or body), None when it did not.
    models: the model list, None where the check read none.
    completions: how many completions this check spent; requests: how many requests it sent.
    learned: by model, how to ask it, where a refusal of our parameters has shown that.
    retiring: models that will be switched off, and when, according to the last list.
    tasks: what the models that do not chat are for, according to the last list.
    told_date: the header in which the provider tells what time it is, as it came.
    """

    kind: OutcomeKind = attrs.field(validator=instance_of(OutcomeKind))
    provider: str = ""
    at: datetime = attrs.field(default=NOT_STAMPED, validator=is_aware)
    model: str | None = None
    message: str = attrs.field(default="", validator=max_len(MESSAGE_LENGTH))
    latency_ms: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    latency_stamped: bool | None = None
    ttft_ms: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    http_status: int | None = None
    facts: Facts = Facts()
    limits: tuple[LimitReading, ...] = ()
    limits_source: LimitSource = LimitSource.NONE
    retry_after: float | None = attrs.field(default=None, validator=optional([ge(0.0), is_finite]))
    models: tuple[str, ...] | None = None
    requests: int = 1
    completions: int = 0
    keys: tuple[KeyReport, ...] = ()
    learned: Mapping[str, RequestShape] = attrs.field(factory=dict)
    retiring: Mapping[str, date] = attrs.field(factory=dict)
    tasks: Mapping[str, str] = attrs.field(factory=dict)
    told_date: str = ""
