"""Which pairs of words make a claim: the grammar of the vocabulary."""

from collections.abc import Iterator, Mapping
from enum import Flag, auto

from tracker.probes.refusals.words import Concept

NEAR = 6  # words between two that belong together in a sentence
FAR = 16  # words between a model and what is said about it: its name may have ten words


class Claim(Flag):
    """What a refusal says."""

    NONE = 0
    KEY = auto()
    UNAUTHORIZED = auto()
    ACCOUNT = auto()
    MODEL = auto()
    MODEL_NEEDS = auto()  # a model needs something
    NEEDS_MONEY = auto()  # a subscription, a paid balance
    PARAMETER = auto()
    REGION = auto()
    MONEY = auto()
    MONEY_NAMED = auto()  # mentioned, perhaps only in an advertisement
    ALLOWANCE = auto()
    LIMIT = auto()
    RATE = auto()
    MINUTE = auto()  # the first window mentioned is below a day
    DAY = auto()  # it is a day or longer
    OVERLOADED = auto()
    UPSTREAM = auto()
    FAILURE = auto()
    MODERATED = auto()
    ABUSE = auto()  # it says we violated a rule


C = Concept
Pair = tuple[Concept, Concept]
_STATES = (C.INVALID, C.REFUSED, C.ABSENT, C.BARRED, C.UNSUPPORTED)


def _who() -> Iterator[tuple[Pair, Claim, int]]:
    """Build a rule.

    (first word, second word), what they claim, how many words apart they may be.
    """
    for state in _STATES:
        yield (C.KEY, state), Claim.KEY, NEAR
        yield (state, C.KEY), Claim.KEY, 3
        yield (C.MODEL, state), Claim.MODEL, 3 if state is C.INVALID else FAR
        yield (C.PARAMETER, state), Claim.PARAMETER, NEAR
        yield (C.PLACE, state), Claim.REGION, NEAR
        yield (state, C.PLACE), Claim.REGION, NEAR
    yield (C.KEY_NOUN, C.REFUSED), Claim.KEY, 3
    yield (C.KEY, C.FAILED), Claim.KEY, 3
    yield (C.FAILED, C.KEY), Claim.KEY, 2
    yield (C.KEY, C.REQUIRES), Claim.KEY, 3
    yield (C.NOT, C.KEY), Claim.KEY, 4
    yield (C.PROVIDE, C.KEY), Claim.KEY, 4
    yield (C.PERMISSION, C.REFUSED), Claim.UNAUTHORIZED, 2
    yield (C.NOT, C.PERMISSION), Claim.UNAUTHORIZED, 4
    yield (C.LACK, C.PERMISSION), Claim.UNAUTHORIZED, 2
    yield (C.ACCOUNT, C.REFUSED), Claim.ACCOUNT, NEAR
    yield (C.REFUSED, C.ACCOUNT), Claim.ACCOUNT, 2
    yield (C.ACCOUNT, C.ABSENT), Claim.ACCOUNT, 4
    yield (C.ACCOUNT, C.MODERATED), Claim.ACCOUNT, 3  # "this account has been flagged"
    yield (C.ACCOUNT, C.BARRED), Claim.ACCOUNT, 4
    yield (C.INVALID, C.ACCOUNT), Claim.ACCOUNT, 2
    yield (C.INVALID, C.MODEL), Claim.MODEL, 2
    yield (C.UNSUPPORTED, C.MODEL), Claim.MODEL, 2
    yield (C.ABSENT, C.MODEL), Claim.MODEL, 1
    yield (C.NOT, C.MODEL), Claim.MODEL, 1
    yield (C.BARRED, C.MODEL), Claim.MODEL, 7
    yield (C.INVALID, C.PARAMETER), Claim.PARAMETER, 3
    yield (C.UNSUPPORTED, C.PARAMETER), Claim.PARAMETER, 3
    yield (C.MODEL, C.REQUIRES), Claim.MODEL_NEEDS, FAR


def _what() -> Iterator[tuple[Pair, Claim, int]]:
    yield (C.MONEY, C.SPENT), Claim.MONEY, NEAR
    yield (C.SPENT, C.MONEY), Claim.MONEY, 5
    yield (C.MONEY, C.LACK), Claim.MONEY, NEAR
    yield (C.LACK, C.MONEY), Claim.MONEY, 5
    yield (C.LACK, C.ALLOWANCE), Claim.MONEY, 2
    yield (C.ALLOWANCE, C.LACK), Claim.MONEY, 3
    yield (C.NOT, C.MONEY), Claim.MONEY, 3
    yield (C.MONEY, C.ABSENT), Claim.MONEY, 4
    yield (C.MONEY, C.REFUSED), Claim.MONEY, 3
    yield (C.ALLOWANCE, C.REFUSED), Claim.MONEY, 3
    yield (C.REFUSED, C.MONEY), Claim.MONEY, 2
    yield (C.MONEY, C.REQUIRES), Claim.MONEY, 3
    yield (C.REQUIRES, C.MONEY), Claim.MONEY | Claim.NEEDS_MONEY, 4
    yield (C.REQUIRES, C.ALLOWANCE), Claim.NEEDS_MONEY, NEAR
    yield (C.ALLOWANCE, C.SPENT), Claim.ALLOWANCE, 5
    yield (C.SPENT, C.ALLOWANCE), Claim.ALLOWANCE, NEAR
    yield (C.LIMIT, C.SPENT), Claim.LIMIT, 4
    yield (C.SPENT, C.LIMIT), Claim.LIMIT, NEAR
    yield (C.RATE, C.LIMIT), Claim.RATE, 2
    yield (C.LIMIT, C.RATE), Claim.RATE, 2
    yield (C.MANY, C.UNIT), Claim.RATE, 2
    yield (C.LOAD, C.SPENT), Claim.OVERLOADED, 3
    yield (C.LACK, C.OVERLOADED), Claim.OVERLOADED, 2
    yield (C.HIGH, C.LOAD), Claim.OVERLOADED, 3
    yield (C.ABSENT, C.SERVERS), Claim.OVERLOADED, 3
    yield (C.SERVERS, C.ABSENT), Claim.OVERLOADED, 3
    yield (C.TEMPORARY, C.ABSENT), Claim.OVERLOADED, 3
    yield (C.INTERNAL, C.FAILED), Claim.FAILURE, 2
    yield (C.CONTENT, C.POLICY), Claim.MODERATED, 3
    yield (C.CONTENT, C.REFUSED), Claim.MODERATED, 3


def _how_long() -> Iterator[tuple[Pair, Claim, int]]:
    yield (C.PER, C.SHORT), Claim.MINUTE, 1
    yield (C.PER, C.LONG), Claim.DAY, 1
    for named in (C.ALLOWANCE, C.LIMIT):  # "limit reached for 5 hours", "7 day limit"
        yield (named, C.SHORT), Claim.MINUTE, NEAR
        yield (named, C.LONG), Claim.DAY, NEAR
        yield (C.SHORT, named), Claim.MINUTE, 2
        yield (C.LONG, named), Claim.DAY, 2
    for unit in (C.ALLOWANCE, C.LIMIT, C.UNIT, C.MONEY):
        yield (C.DAILY, unit), Claim.DAY, 5
        yield (unit, C.DAILY), Claim.DAY, 5


PAIRS: Mapping[Pair, tuple[Claim, int]] = {
    pair: (claim, gap) for pair, claim, gap in (*_who(), *_what(), *_how_long())
}
ALONE: Mapping[Concept, Claim] = {
    C.DEBT: Claim.MONEY,
    C.OVERLOADED: Claim.OVERLOADED,
    C.UPSTREAM: Claim.UPSTREAM,
    C.UNAUTHORIZED: Claim.UNAUTHORIZED,
    C.MODERATED: Claim.MODERATED,
    C.ABUSE: Claim.ABUSE,
    C.MONEY: Claim.MONEY_NAMED,
    C.ALLOWANCE: Claim.MONEY_NAMED,
    C.SHORT_LIMIT: Claim.MINUTE,
    C.LONG_LIMIT: Claim.DAY,
}
