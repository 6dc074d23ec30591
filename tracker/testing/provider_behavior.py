"""How a simulated provider can behave, and what a correct tracker concludes from it."""

from enum import StrEnum

from tracker.core.outcomes import OutcomeKind


class ProviderBehavior(StrEnum):
    """How a fake provider behaves."""

    OK = "ok"
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After
    QUOTA = "quota"  # 429 or 402, insufficient_quota
    AUTH = "auth"  # 401 for any key
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"
    HANG = "hang"  # accepts the request and never answers
    GARBAGE = "garbage"  # 200 with a web page
    BLOCKED = "blocked"  # a firewall's challenge page
    NOT_FOUND = "not_found"
    REFUSE = "refuse"  # nothing listens; the port stays reserved

    @property
    def expected(self) -> OutcomeKind:
        """Return the outcome kind of a check of it (CONTRACT, section 4)."""
        return _EXPECTED[self]


_EXPECTED = {
    ProviderBehavior.OK: OutcomeKind.OK,
    ProviderBehavior.SLOW: OutcomeKind.SLOW,
    ProviderBehavior.RATE_LIMITED: OutcomeKind.RATE_LIMITED,
    ProviderBehavior.QUOTA: OutcomeKind.QUOTA_EXHAUSTED,
    ProviderBehavior.AUTH: OutcomeKind.AUTH,
    ProviderBehavior.SERVER_ERROR: OutcomeKind.SERVER,
    ProviderBehavior.OVERLOADED: OutcomeKind.OVERLOADED,
    ProviderBehavior.HANG: OutcomeKind.TIMEOUT,
    ProviderBehavior.GARBAGE: OutcomeKind.BAD_RESPONSE,
    ProviderBehavior.BLOCKED: OutcomeKind.BLOCKED,
    ProviderBehavior.NOT_FOUND: OutcomeKind.NOT_FOUND,
    ProviderBehavior.REFUSE: OutcomeKind.CONNECT,
}
