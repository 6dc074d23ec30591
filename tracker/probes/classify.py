"""Classifying an HTTP answer: first by its body, then by its status. Pure.

docs/reference/outcomes.md has the table.
"""

import re
from collections.abc import Mapping

import attrs

from tracker.core.outcomes import Facts, OutcomeKind
from tracker.probes.error_bodies import ErrorBody, read_error
from tracker.probes.http.response import BoundedResponse
from tracker.probes.limits.told_times import seconds_told
from tracker.probes.messages import Masking, printable
from tracker.probes.refusals.firewalls import is_firewall
from tracker.probes.refusals.judgement import Refusal, judge
from tracker.probes.refusals.reading import read_claims
from tracker.probes.refusals.rules import Claim

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
    OutcomeKind.QUOTA_EXHAUSTED: "quota or credit used up",
    OutcomeKind.AUTH: "our key or account was refused",
    OutcomeKind.TIMEOUT: "its upstream timed out",
    OutcomeKind.SERVER: "server error",
    OutcomeKind.OVERLOADED: "overloaded",
    OutcomeKind.BLOCKED: "blocked by a firewall",
    OutcomeKind.NOT_FOUND: "the model or path does not exist, or our account may not use it",
    OutcomeKind.BAD_RESPONSE: "the answer does not have the API's format",
    OutcomeKind.REQUEST: "our request was rejected as invalid; set another model = or check =",
}

# A key without the permission to list models may still be valid for completions.
SCOPES = ("missing scopes", "insufficient permissions for this operation")
# LiteLLM's proxy without a database sends a 400 with this for a wrong key; with a 503 it is an
# outage.
NOT_THE_MASTER_KEY = "no_db_connection"

GOOGLE = frozenset({"gemini", "gemini_cli"})
# Parts of our request, as ``param`` names them.
PARAMETERS = (
    *("stream", "max_tokens", "max_completion_tokens", "max_output_tokens", "temperature"),
    *("messages", "input"),
)
SPENT = Claim.ALLOWANCE | Claim.LIMIT  # without a window, the time to wait decides which
RETRY: Mapping[str, bool] = {"true": True, "false": False}
_LIMIT_0 = re.compile(r"limit: ?0(?![\d.])")  # Gemini, in the text alone


@attrs.frozen(kw_only=True)
class ErrorClassification:
    """What an unsuccessful answer means."""

    kind: OutcomeKind
    message: str
    facts: Facts


def classify(
    reply: BoundedResponse, *, dialect: str = "", completion: bool = False, mask: Masking = str
) -> ErrorClassification | None:
    """Classify a failure; None where nothing in the answer says that it failed.

    dialect: the kind of API that was asked. completion: it was asked to infer. Total: any
    answer gives one of the two. Whether a success has the right shape is its dialect's to say.
    """
    error = read_error(reply)
    if reply.status < 400 and not error.failed and not is_firewall(reply):
        return _not_the_api(completion=completion) if reply.is_html else None
    status = error.status if reply.status == 200 and error.status else reply.status
    kind, facts = _judge(reply, error, status, dialect)
    if completion and kind.is_failure and kind not in _UNPROVEN:
        facts = attrs.evolve(facts, inference=False)
    words = _words(kind, error, facts, status, dialect)
    return ErrorClassification(
        kind=kind, message=_message(words, status, error.text, mask), facts=facts
    )


# These say nothing about whether the model answers: the request did not get that far.
_UNPROVEN = frozenset({OutcomeKind.AUTH, OutcomeKind.BLOCKED})


def _judge(
    reply: BoundedResponse, error: ErrorBody, status: int, dialect: str
) -> tuple[OutcomeKind, Facts]:
    if is_firewall(reply):
        return OutcomeKind.BLOCKED, Facts(reachable=True)
    # A "page not found" may quote anything, even an API's error.
    is_page = status == 404 and not isinstance(reply.json, dict | list)
    claims = Claim.NONE if is_page else read_claims(error.text, error.codes)
    limited = _is_limit(status, dialect)
    retry = RETRY.get(reply.header("x-should-retry").strip().lower())
    asks = limited and (claims & SPENT or retry is False)
    refusal = Refusal(
        status=status,
        codes=tuple(code.lower() for code in error.codes),
        claims=_with_details(claims, error),
        limited=limited,
        nothing=_has_nothing(reply, error, status),
        wait=_find_wait(reply, error) if asks else None,
        retry=retry,
    )
    kind = _by_phrase(error, status) or judge(refusal) or _by_status(status, dialect)
    return kind, _facts(kind, error, refusal.claims)


def _with_details(claims: Claim, error: ErrorBody) -> Claim:
    """Add what Google's details and OpenAI's ``param`` tell beyond words."""
    if "day" in error.spent:
        claims = (claims | Claim.DAY) & ~Claim.MINUTE
    elif error.spent & {"minute", "second", "hour"}:
        claims = (claims | Claim.MINUTE) & ~Claim.DAY
    if error.parameter == "model":
        return (claims | Claim.MODEL) & ~Claim.PARAMETER
    if error.parameter in PARAMETERS and claims & Claim.MODEL:
        return (claims | Claim.PARAMETER) & ~Claim.MODEL
    return claims


def _is_limit(status: int, dialect: str) -> bool:
    """Return whether it is a limit; Google's own CLI treats its 499 like a 429."""
    return status == 429 or (status == 499 and dialect in GOOGLE)


def _has_nothing(reply: BoundedResponse, error: ErrorBody, status: int) -> bool:
    """Return whether the limit is 0: no allowance on this plan, so that waiting cannot help."""
    zero = any(
        name.startswith("x-ratelimit-limit-") and value.strip() == "0"
        for name, value in reply.headers
    )
    told = "limit" in error.plain and bool(_LIMIT_0.search(error.plain))
    return status in {429, 499} and (zero or error.nothing or told)


def _find_wait(reply: BoundedResponse, error: ErrorBody) -> float | None:
    """Return seconds until we may ask again, as a number or in words; a date is not read here."""
    header = reply.header("retry-after").strip()
    if header.isascii() and header.isdigit() and len(header) < 10:
        return float(header)
    return seconds_told(error.text)


def _by_phrase(error: ErrorBody, status: int) -> OutcomeKind | None:
    if status in {400, 403} and any(word in error.plain for word in SCOPES):
        return OutcomeKind.REQUEST
    if status == 400 and NOT_THE_MASTER_KEY in error.plain:
        return OutcomeKind.AUTH
    return None


def _by_status(status: int, dialect: str) -> OutcomeKind:
    if _is_limit(status, dialect):
        return OutcomeKind.RATE_LIMITED
    if status == 498 and dialect == "cohere":
        return OutcomeKind.REQUEST  # a prompt token on their deny list; elsewhere it means capacity
    if found := STATUSES.get(status):
        return found
    # An error without a reason in a 200 is the server's: it started to answer and failed.
    return OutcomeKind.REQUEST if 400 <= status < 500 else OutcomeKind.SERVER


def _facts(kind: OutcomeKind, error: ErrorBody, claims: Claim) -> Facts:
    if kind is OutcomeKind.AUTH:
        # Refused because of our location, which proves nothing about the key.
        return Facts(reachable=True, authenticated=None if claims & Claim.REGION else False)
    if kind.is_limit:
        return Facts(reachable=True, quota_available=False)
    if kind is OutcomeKind.REQUEST and any(word in error.plain for word in SCOPES):
        return Facts(reachable=True, authenticated=True)  # it knows what the key is allowed to do
    return Facts(reachable=True)


def _not_the_api(*, completion: bool) -> ErrorClassification:
    return ErrorClassification(
        kind=OutcomeKind.BAD_RESPONSE,
        message="the answer does not have the API's format: it is an HTML page",
        facts=Facts(reachable=True, inference=False if completion else None),
    )


def _words(kind: OutcomeKind, error: ErrorBody, facts: Facts, status: int, dialect: str) -> str:
    if kind is OutcomeKind.AUTH and facts.authenticated is None:
        return "not available in our region"
    if dialect == "g4f" and status == 429:
        return "rate limited, or its upstream failed"  # this gateway turns 402 and 504 into 429
    if kind is OutcomeKind.REQUEST and any(word in error.plain for word in SCOPES):
        return 'the key is not allowed to list models; check = "chat" can still test it'
    return WORDS[kind]


def _message(words: str, status: int, text: str, mask: Masking) -> str:
    told = f": {text}" if text else ""
    return printable(f"{words} ({status}){told}", mask)
