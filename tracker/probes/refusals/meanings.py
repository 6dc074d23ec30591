"""The rules for refusals in words, with examples: the table in the docs, checked by a test."""

import attrs

from tracker.core.outcomes import OutcomeKind


@attrs.frozen
class Meaning:
    """claim: in words. example: a text with that meaning, and its status. guard: when the outcome
    does not follow.
    """

    claim: str
    status: int
    example: str
    kind: OutcomeKind
    guard: str = ""
    retry: bool | None = None  # x-should-retry


# In the order of tracker.probes.refusals.judgement.RULES.
MEANINGS: tuple[Meaning, ...] = (
    Meaning(
        "a limit of a day or longer is reached",
        429,
        "Tokens per day limit exceeded",
        OutcomeKind.QUOTA_EXHAUSTED,
        "a shorter window is named before it",
    ),
    Meaning(
        "a limit of less than a day is reached",
        429,
        "Limit: 3 requests per minute. Add a payment method to raise it",
        OutcomeKind.RATE_LIMITED,
        "the limit itself is 0",
    ),
    Meaning(
        "one model needs a plan or a paid balance",
        403,
        "this model requires a subscription",
        OutcomeKind.NOT_FOUND,
        "the status is 402",
    ),
    Meaning(
        "money is missing, used up or owed",
        400,
        "Your credit balance is too low",
        OutcomeKind.QUOTA_EXHAUSTED,
        "it is only recommended: add credits, check your billing",
    ),
    Meaning(
        "it is not available in our region",
        400,
        "User location is not supported",
        OutcomeKind.AUTH,
        "only one model is not available there, or billing would solve it",
    ),
    Meaning(
        "the text or a parameter is refused",
        400,
        "Unsupported parameter: temperature",
        OutcomeKind.REQUEST,
        "`param` names the model",
    ),
    Meaning(
        "their capacity or upstream failed",
        429,
        "The engine is currently overloaded",
        OutcomeKind.OVERLOADED,
        "the status means a time-out, a refused key or a missing path",
    ),
    Meaning("too many requests", 403, "Too many requests", OutcomeKind.RATE_LIMITED, "it is a 5xx"),
    Meaning(
        "a model or endpoint is not available to us",
        400,
        "The model m does not exist or you do not have access to it",
        OutcomeKind.NOT_FOUND,
        "it is a 429, a 5xx, or a 401 that blames the key",
    ),
    Meaning("a key is refused", 400, "API key not valid", OutcomeKind.AUTH, "it is a 429"),
    Meaning(
        "an account is refused",
        400,
        "This organization has been disabled",
        OutcomeKind.AUTH,
        "money is mentioned, and no violation of rules: then `quota_exhausted`",
    ),
    Meaning(
        "an allowance is used up, and no window is stated",
        400,
        "You have reached your specified API usage limits",
        OutcomeKind.QUOTA_EXHAUSTED,
        "it is a 429 that asks to wait less than a day: then `rate_limited`",
    ),
    Meaning(
        "an internal failure, with a 4xx",
        400,
        "Internal server error",
        OutcomeKind.SERVER,
    ),
    Meaning(
        "money is mentioned, and nothing else is blamed",
        403,
        "See billing",
        OutcomeKind.QUOTA_EXHAUSTED,
        "the status is not 401 or 403",
    ),
    Meaning(
        "`x-should-retry: false` beside a limit",
        429,
        "Stop",
        OutcomeKind.QUOTA_EXHAUSTED,
        "a rate, a window below a day or a wait of less than a day is stated",
        retry=False,
    ),
    Meaning(
        "`x-should-retry: true` beside a 400, 409 or 422",
        400,
        "Try again",
        OutcomeKind.SERVER,
        "anything else is said",
        retry=True,
    ),
)
