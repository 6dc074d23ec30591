"""Deciding what a refusal means: exact codes first, then its words, then general codes.

The rules implement the contract, section 4: missing money never means a refused key, a minute's
limit is a rate limit whatever it advertises, and only a malformed request is ``request``.
"""

from collections.abc import Callable

import attrs

from tracker.core.outcomes import OutcomeKind
from tracker.probes.limits.values import DAY
from tracker.probes.refusals.codes import EXACT_CODES, GENERAL_CODES, LIMIT_CODES
from tracker.probes.refusals.rules import Claim


@attrs.frozen(kw_only=True)
class Refusal:
    """An answer that reports a failure. codes: in lower case, most specific first.

    limited: its status means a limit. nothing: the limit is 0. wait: seconds it asks us to wait.
    retry: whether it says that a retry can help, None where it does not say.
    """

    status: int
    codes: tuple[str, ...] = ()
    claims: Claim = Claim.NONE
    limited: bool = False
    nothing: bool = False
    wait: float | None = None
    retry: bool | None = None

    def says(self, claims: Claim) -> bool:
        """Return whether any of these is claimed."""
        return bool(self.claims & claims)

    @property
    def named_limit(self) -> bool:
        """Return whether one of its codes says that a limit was reached."""
        return any(code in LIMIT_CODES for code in self.codes)

    @property
    def is_client_error(self) -> bool:
        """Return whether it is told as our mistake; an error inside a 200 may be one as well."""
        return self.status < 500


# A 5xx other than 500 is how a gateway reports an upstream's failure; a 404 may be any page.
SPEAKS_OF_US = frozenset({200, 500, *range(400, 500)}) - {404}

Rule = Callable[[Refusal], OutcomeKind | None]


def judge(refusal: Refusal) -> OutcomeKind | None:
    """Judge the outcome, None where nothing but the status tells."""
    return next((kind for rule in RULES if (kind := rule(refusal)) is not None), None)


def _exact_code(refusal: Refusal) -> OutcomeKind | None:
    return next((EXACT_CODES[code] for code in refusal.codes if code in EXACT_CODES), None)


def _window(refusal: Refusal) -> OutcomeKind | None:
    """Judge a limit that names its window: a day's is spent quota, a minute's passes by itself."""
    if refusal.nothing:
        return OutcomeKind.QUOTA_EXHAUSTED
    may_be = refusal.limited or refusal.named_limit or refusal.status in {200, 400, 403, 422, 500}
    spent = refusal.says(Claim.ALLOWANCE | Claim.LIMIT | Claim.RATE)
    if refusal.says(Claim.DAY) and (may_be or spent):
        return OutcomeKind.QUOTA_EXHAUSTED
    return OutcomeKind.RATE_LIMITED if may_be and refusal.says(Claim.MINUTE) else None


def _money(refusal: Refusal) -> OutcomeKind | None:
    needs = refusal.says(Claim.MODEL_NEEDS) and refusal.says(Claim.NEEDS_MONEY)
    if needs and refusal.status != 402:
        return OutcomeKind.NOT_FOUND  # our plan does not include this model; it may include others
    theirs = refusal.says(Claim.UPSTREAM) and not refusal.is_client_error
    return OutcomeKind.QUOTA_EXHAUSTED if refusal.says(Claim.MONEY) and not theirs else None


def _place(refusal: Refusal) -> OutcomeKind | None:
    if not refusal.says(Claim.REGION) or refusal.says(Claim.MODEL):
        return None
    # Google, with a 400: the free plan is not available in our region; a paid one is.
    return OutcomeKind.QUOTA_EXHAUSTED if refusal.says(Claim.MONEY_NAMED) else OutcomeKind.AUTH


def _our_request(refusal: Refusal) -> OutcomeKind | None:
    moderated = refusal.says(Claim.MODERATED) and not refusal.says(Claim.ACCOUNT)
    if moderated and refusal.status in {200, 400, 403}:
        return OutcomeKind.REQUEST
    blamed = refusal.says(Claim.PARAMETER) and refusal.status in {200, 400, 409, 422}
    return OutcomeKind.REQUEST if blamed and not refusal.says(Claim.KEY) else None


def _their_capacity(refusal: Refusal) -> OutcomeKind | None:
    if refusal.status in {401, 402, 404, 408, 504, 524}:
        return None
    their = refusal.says(Claim.OVERLOADED)
    upstream = refusal.says(Claim.UPSTREAM) and refusal.is_client_error
    return OutcomeKind.OVERLOADED if their or upstream else None


def _rate(refusal: Refusal) -> OutcomeKind | None:
    named = refusal.says(Claim.RATE) or refusal.named_limit
    told = refusal.is_client_error or refusal.status == 500
    return OutcomeKind.RATE_LIMITED if named and told else None


def _model(refusal: Refusal) -> OutcomeKind | None:
    if not refusal.says(Claim.MODEL) or not refusal.is_client_error:
        return None
    if refusal.limited:  # "endpoint is unavailable" with a 429 does not mean that it is gone
        ours = refusal.says(Claim.ALLOWANCE | Claim.LIMIT)
        return None if ours else OutcomeKind.OVERLOADED
    keyed = refusal.status == 401 and refusal.says(Claim.KEY | Claim.UNAUTHORIZED)
    return None if keyed else OutcomeKind.NOT_FOUND


def _key(refusal: Refusal) -> OutcomeKind | None:
    if refusal.limited or (refusal.says(Claim.UPSTREAM) and not refusal.is_client_error):
        return None
    unauthorized = refusal.says(Claim.UNAUTHORIZED) and refusal.is_client_error
    return OutcomeKind.AUTH if refusal.says(Claim.KEY) or unauthorized else None


def _account(refusal: Refusal) -> OutcomeKind | None:
    if not refusal.says(Claim.ACCOUNT) or refusal.status == 404:
        return None
    unpaid = refusal.says(Claim.MONEY_NAMED) and not refusal.says(Claim.ABUSE)
    unpaid = unpaid or refusal.status == 402
    return OutcomeKind.QUOTA_EXHAUSTED if unpaid else OutcomeKind.AUTH


def _allowance(refusal: Refusal) -> OutcomeKind | None:
    """Judge a spent allowance without a window by how long it asks to wait."""
    if refusal.status not in SPEAKS_OF_US:
        return None
    passes = refusal.wait is not None and refusal.wait < DAY
    if refusal.says(Claim.ALLOWANCE):
        short = refusal.limited and passes
        return OutcomeKind.RATE_LIMITED if short else OutcomeKind.QUOTA_EXHAUSTED
    if refusal.says(Claim.LIMIT) and (refusal.status in {402, 403} or refusal.limited):
        long = not refusal.limited or (refusal.wait or 0.0) >= DAY
        return OutcomeKind.QUOTA_EXHAUSTED if long else OutcomeKind.RATE_LIMITED
    return None


def _general(refusal: Refusal) -> OutcomeKind | None:
    """Judge codes that say little, then an internal failure told with a 4xx."""
    found = (GENERAL_CODES[code] for code in refusal.codes if code in GENERAL_CODES)
    if (kind := next(found, None)) is not None:
        return kind
    theirs = refusal.says(Claim.FAILURE) and refusal.status in {400, 403, 422}
    return OutcomeKind.SERVER if theirs else None


def _money_named(refusal: Refusal) -> OutcomeKind | None:
    """Judge a refusal without a code that speaks of money, not of the key."""
    named = refusal.says(Claim.MONEY_NAMED) and refusal.status in {401, 403}
    return OutcomeKind.QUOTA_EXHAUSTED if named else None


def _retry(refusal: Refusal) -> OutcomeKind | None:
    """Judge by ``x-should-retry`` where nothing else tells (Stainless's SDKs obey it).

    A limit that no retry passes is none of a minute; a client error that passes is their state.
    """
    if refusal.limited and refusal.retry is False:
        passes = refusal.says(Claim.MINUTE | Claim.RATE) or refusal.named_limit
        passes = passes or (refusal.wait is not None and refusal.wait < DAY)
        return None if passes else OutcomeKind.QUOTA_EXHAUSTED
    theirs = refusal.retry is True and refusal.status in {400, 409, 422}
    return OutcomeKind.SERVER if theirs else None


RULES: tuple[Rule, ...] = (
    _exact_code,
    _window,
    _money,
    _place,
    _our_request,
    _their_capacity,
    _rate,
    _model,
    _key,
    _account,
    _allowance,
    _general,
    _money_named,
    _retry,
)
