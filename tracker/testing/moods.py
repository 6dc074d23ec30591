"""How a simulated provider can behave, and what a right tracker concludes from it."""

from enum import StrEnum

from tracker.reports import Kind


class Mood(StrEnum):
    OK = "ok"
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After
    QUOTA = "quota"  # 429 or 402, insufficient_quota
    AUTH = "auth"  # 401 whatever the key
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"
    HANG = "hang"  # takes the request and never answers
    GARBAGE = "garbage"  # 200 with a web page
    BLOCKED = "blocked"  # a firewall's challenge page
    NOT_FOUND = "not_found"
    REFUSE = "refuse"  # nobody listens; the port stays its own

    @property
    def expected(self) -> Kind:
        """The outcome kind of a check of it (CONTRACT, section 4)."""
        return _EXPECTED[self]


_EXPECTED = {
    Mood.OK: Kind.OK,
    Mood.SLOW: Kind.SLOW,
    Mood.RATE_LIMITED: Kind.RATE_LIMITED,
    Mood.QUOTA: Kind.QUOTA_EXHAUSTED,
    Mood.AUTH: Kind.AUTH,
    Mood.SERVER_ERROR: Kind.SERVER,
    Mood.OVERLOADED: Kind.OVERLOADED,
    Mood.HANG: Kind.TIMEOUT,
    Mood.GARBAGE: Kind.BAD_RESPONSE,
    Mood.BLOCKED: Kind.BLOCKED,
    Mood.NOT_FOUND: Kind.NOT_FOUND,
    Mood.REFUSE: Kind.CONNECT,
}
