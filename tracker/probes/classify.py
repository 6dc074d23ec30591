"""What an HTTP answer means; docs/reference/outcomes.md has the table. Pure; body over status."""

from collections.abc import Mapping

import attrs

from tracker.core.outcomes import Facts, OutcomeKind
from tracker.probes.error_bodies import ErrorBody, read_error
from tracker.probes.http.response import BoundedResponse
from tracker.probes.messages import Masking, printable

# Words a provider puts into code, type, status or reason, in lower case. Only words that say
# more than, or other than, the status they come with.
CODES: Mapping[str, OutcomeKind] = {
    # our credentials
    "invalid_api_key": OutcomeKind.AUTH,
    "api_key_invalid": OutcomeKind.AUTH,  # Gemini, with a 400
    "authentication_error": OutcomeKind.AUTH,
    "unauthenticated": OutcomeKind.AUTH,
    "access_token_type_unsupported": OutcomeKind.AUTH,
    "access_token_scope_insufficient": OutcomeKind.AUTH,
    "permission_error": OutcomeKind.AUTH,
    "permission_denied": OutcomeKind.AUTH,  # Google, whose text may speak of a "quota project"
    "service_disabled": OutcomeKind.AUTH,
    "validation_required": OutcomeKind.AUTH,  # Gemini CLI: the account must be verified
    "unsupported_country_region_territory": OutcomeKind.AUTH,
    # our quota
    "insufficient_quota": OutcomeKind.QUOTA_EXHAUSTED,
    "billing_error": OutcomeKind.QUOTA_EXHAUSTED,
    "billing_hard_limit_reached": OutcomeKind.QUOTA_EXHAUSTED,
    "billing_disabled": OutcomeKind.QUOTA_EXHAUSTED,
    "quota_exhausted": OutcomeKind.QUOTA_EXHAUSTED,
    "insufficient_g1_credits_balance": OutcomeKind.QUOTA_EXHAUSTED,
    "insufficient_balance": OutcomeKind.QUOTA_EXHAUSTED,
    "payment_method_required": OutcomeKind.QUOTA_EXHAUSTED,
    # ours, and it passes
    "rate_limit_exceeded": OutcomeKind.RATE_LIMITED,
    "rate_limit_error": OutcomeKind.RATE_LIMITED,
    "rate_limited": OutcomeKind.RATE_LIMITED,
    "dynamic_request_limited": OutcomeKind.RATE_LIMITED,
    "dynamic_token_limited": OutcomeKind.RATE_LIMITED,
    # their capacity, whatever the status
    "3505": OutcomeKind.OVERLOADED,  # Mistral, with a 429
    "service_tier_capacity_exceeded": OutcomeKind.OVERLOADED,
    "capacity_exceeded": OutcomeKind.OVERLOADED,  # Groq's flex tier, with a 498
    "model_capacity_exhausted": OutcomeKind.OVERLOADED,
    "overloaded_error": OutcomeKind.OVERLOADED,
    # the model
    "model_not_found": OutcomeKind.NOT_FOUND,
    "model_decommissioned": OutcomeKind.NOT_FOUND,
}

STATUSES: Mapping[int, OutcomeKind] = {
    401: OutcomeKind.AUTH,
    402: OutcomeKind.QUOTA_EXHAUSTED,
    403: OutcomeKind.AUTH,
    404: OutcomeKind.NOT_FOUND,
    408: OutcomeKind.TIMEOUT,
    410: OutcomeKind.NOT_FOUND,
    429: OutcomeKind.RATE_LIMITED,
    498: OutcomeKind.OVERLOADED,
    503: OutcomeKind.OVERLOADED,
    504: OutcomeKind.TIMEOUT,
    524: OutcomeKind.TIMEOUT,
    529: OutcomeKind.OVERLOADED,
}

WORDS: Mapping[OutcomeKind, str] = {
    OutcomeKind.RATE_LIMITED: "rate limited",
    OutcomeKind.QUOTA_EXHAUSTED: "quota or credit spent",
    OutcomeKind.AUTH: "key or account refused",
    OutcomeKind.TIMEOUT: "its upstream timed out",
    OutcomeKind.SERVER: "server error",
    OutcomeKind.OVERLOADED: "overloaded",
    OutcomeKind.BLOCKED: "blocked by a firewall",
    OutcomeKind.NOT_FOUND: "model or path gone, or not ours to use",
    OutcomeKind.BAD_RESPONSE: "not the API's answer",
    OutcomeKind.REQUEST: "our request was refused",
}

# In the lower-cased text of an error. Each stands for a case where status and code mislead.
REGION = ("user location is not supported", "unsupported_country_region_territory")
# Not "insufficient" alone: permissions and scopes are insufficient, too.
SPENT = (
    *("insufficient balance", "insufficient funds"),
    *("credit", "quota", "budget", "billing", "key limit exceeded"),
)
LOW = ("credit balance is too low",)  # Anthropic, with a 400
CHECK_PLAN = "check your plan and billing"  # OpenAI and Google, with a 429
SUSPENDED = ("suspended",)
# LiteLLM's proxy without a database, with a 400: any key but its own. With a 503 it is an outage.
NOT_THE_MASTER_KEY = ("no_db_connection",)
GONE = ("invalid model name passed in",)  # LiteLLM's proxy, with a 400
SCOPES = ("missing scopes", "insufficient permissions for this operation")
MODERATED = ("moderation", "flagged", "guardrail")
CHALLENGES = ("just a moment", "error code: 1010", "error 1010", "attention required", "cf-chl-")
# An origin server's own error page: nobody blocked us.
ORIGIN_PAGES = ("<center>nginx", "<center>openresty", "apache server at", "<address>apache")

GOOGLE = frozenset({"gemini", "gemini_cli"})


@attrs.frozen(kw_only=True)
class ErrorClassification:
    """What an answer that is no success means."""

    kind: OutcomeKind
    message: str
    facts: Facts


def classify(
    reply: BoundedResponse, *, dialect: str = "", completion: bool = False, mask: Masking = str
) -> ErrorClassification | None:
    """The verdict on a failure, None where nothing in the answer says that it failed.

    dialect: the kind of API that was asked. completion: it was asked to infer. Total: any
    answer gives one of the two. Whether a success has the right shape is its dialect's to say.
    """
    error = read_error(reply)
    if reply.status < 400 and not error.failed and not _challenged(reply):
        return _not_the_api(completion=completion) if reply.is_html else None
    status = error.status if reply.status == 200 and error.status else reply.status
    kind, facts = _judged(reply, error, status, dialect)
    if completion and kind.is_failure and kind not in _UNPROVEN:
        facts = attrs.evolve(facts, inference=False)
    words = _words(kind, error, status, dialect)
    return ErrorClassification(
        kind=kind, message=_message(words, status, error.text, mask), facts=facts
    )


# These say nothing about whether the model answers: we never got to it.
_UNPROVEN = frozenset({OutcomeKind.AUTH, OutcomeKind.BLOCKED})


def _judged(
    reply: BoundedResponse, error: ErrorBody, status: int, dialect: str
) -> tuple[OutcomeKind, Facts]:
    kind = (
        _firewall(reply, status)
        or _by_code(error, status)
        or _by_limits(reply, error, status)
        or _by_words(error, status)
        or _by_status(status, dialect)
    )
    return kind, _facts(kind, error)


def _firewall(reply: BoundedResponse, status: int) -> OutcomeKind | None:
    if _challenged(reply):
        return OutcomeKind.BLOCKED
    if not reply.is_html or status not in {403, 503}:
        return None
    origin = any(sign in reply.text.lower() for sign in ORIGIN_PAGES)
    return None if origin and not reply.header("cf-ray") and status == 503 else OutcomeKind.BLOCKED


def _challenged(reply: BoundedResponse) -> bool:
    """A firewall's challenge, whatever status it hides behind; an API's JSON may quote one."""
    if reply.header("cf-mitigated").lower() == "challenge":
        return True
    if reply.body[:64].lstrip().startswith((b"{", b"[")):
        return False
    if not reply.is_html and reply.status < 400:
        return False
    if reply.status >= 500 and reply.status != 503:
        return False
    text = reply.text.lower()
    return any(sign in text for sign in CHALLENGES)


def _by_code(error: ErrorBody, status: int) -> OutcomeKind | None:
    """Rate limits told by a code are looked at again: their body may say that more is spent."""
    found = next((CODES[code] for code in error.codes if code in CODES), None)
    if found is OutcomeKind.RATE_LIMITED and (status == 429 or "day" in error.spent):
        return None
    return found


def _by_limits(reply: BoundedResponse, error: ErrorBody, status: int) -> OutcomeKind | None:
    if status not in {429, 499}:
        return None
    zero = any(
        name.startswith("x-ratelimit-limit-") and value.strip() == "0"
        for name, value in reply.headers
    )
    # Google tells whose minute is spent to check the plan, too; OpenAI only who has no credit.
    passes = bool(error.spent & {"minute", "second"})
    spent = "insufficient_quota" in error.plain or (CHECK_PLAN in error.plain and not passes)
    return OutcomeKind.QUOTA_EXHAUSTED if zero or "day" in error.spent or spent else None


def _by_words(error: ErrorBody, status: int) -> OutcomeKind | None:
    if status >= 500 or status in {401, 429}:
        return None
    if any(word in error.plain for word in (*REGION, *SUSPENDED, *NOT_THE_MASTER_KEY)):
        return OutcomeKind.AUTH
    if any(word in error.plain for word in LOW):
        return OutcomeKind.QUOTA_EXHAUSTED
    if any(word in error.plain for word in GONE):
        return OutcomeKind.NOT_FOUND
    if status != 403:
        return None
    if any(word in error.plain for word in (*SCOPES, *MODERATED)):
        return OutcomeKind.REQUEST
    return OutcomeKind.QUOTA_EXHAUSTED if any(word in error.plain for word in SPENT) else None


def _by_status(status: int, dialect: str) -> OutcomeKind:
    if status == 499 and dialect in GOOGLE:
        return OutcomeKind.RATE_LIMITED  # the CLI's own client treats it like a 429
    if found := STATUSES.get(status):
        return found
    # An error in a 200 that names no reason is the server's: it began to answer and failed.
    return OutcomeKind.REQUEST if 400 <= status < 500 else OutcomeKind.SERVER


def _facts(kind: OutcomeKind, error: ErrorBody) -> Facts:
    if kind is OutcomeKind.AUTH:
        # Refused for where we are, not for the key: nothing is proven about the key.
        elsewhere = any(word in error.plain for word in REGION)
        return Facts(reachable=True, authenticated=None if elsewhere else False)
    if kind.is_limit:
        return Facts(reachable=True, quota_available=False)
    if any(word in error.plain for word in SCOPES):
        return Facts(reachable=True, authenticated=True)  # it knows what the key may do
    return Facts(reachable=True)


def _not_the_api(*, completion: bool) -> ErrorClassification:
    return ErrorClassification(
        kind=OutcomeKind.BAD_RESPONSE,
        message="not the API's answer: an HTML page",
        facts=Facts(reachable=True, inference=False if completion else None),
    )


def _words(kind: OutcomeKind, error: ErrorBody, status: int, dialect: str) -> str:
    if any(word in error.plain for word in REGION):
        return "not offered where we are"
    if dialect == "g4f" and status == 429:
        return "rate limited, or its upstream failed"  # it turns their 402 and 504 into 429
    if kind is OutcomeKind.REQUEST and any(word in error.plain for word in SCOPES):
        return 'the key may not list models; check = "chat" can still prove it'
    return WORDS[kind]


def _message(words: str, status: int, text: str, mask: Masking) -> str:
    told = f": {text}" if text else ""
    return printable(f"{words} ({status}){told}", mask)
