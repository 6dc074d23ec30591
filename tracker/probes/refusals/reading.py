"""Reading the claims of a refusal from words of the vocabulary that are near each other.

One pass over the words, and for each only the few before it: no text can make it slow.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from tracker.probes.refusals.chinese import CHINESE
from tracker.probes.refusals.rules import ALONE, PAIRS, Claim
from tracker.probes.refusals.words import VOCABULARY, Concept

TEXT_LENGTH = 600  # characters read: in real refusals the first 300 decide
CODES = 24  # codes read: real errors have under eight
CODE_LENGTH = 100
LOOK_BACK = 6  # words of the vocabulary: no real sentence has more next to each other
NEGATION = 3  # words a "not" applies to: "not have access", "no longer available"
ADVISED = 6  # words that belong to advice: "please check your plan and billing"
AWAY = -100  # a position too far back to matter

KINDS: Mapping[str, Concept] = {
    word: concept for concept, words in VOCABULARY.items() for word in words.split()
}
NEGATED = {
    Concept.POSITIVE: Concept.ABSENT,
    Concept.PERMITTED: Concept.BARRED,
    Concept.SUPPORTED: Concept.UNSUPPORTED,
    Concept.ENOUGH: Concept.LACK,
}
# After one of these a key or token is ours; otherwise it may be JSON's, a prompt's or a parser's.
OURS = frozenset(
    (
        *("api", "access", "secret", "your", "this", "proxy", "virtual", "subscription", "auth"),
        *("authentication", "bearer", "security", "oauth", "personal", "iam"),
        *("invalid", "incorrect", "wrong"),
    )
)
RECOMMENDED = frozenset({Concept.MONEY, Concept.ALLOWANCE, Concept.LIMIT})
WINDOWS = (Claim.MINUTE | Claim.DAY).value

# Plain numbers, indexed by the later word: enum flags take ten times as long.
_EARLIER: dict[Concept, dict[Concept, tuple[int, int]]] = {concept: {} for concept in Concept}
for (_first, _second), (_claim, _gap) in PAIRS.items():
    _EARLIER[_second][_first] = (_claim.value, _gap)
_ALONE = {concept: claim.value for concept, claim in ALONE.items()}
_URL = re.compile(r"https?://\S{1,200}")
_CHINESE = re.compile("|".join(sorted(map(re.escape, CHINESE), key=len, reverse=True)))
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SPACED = (
    *((". ", " . "), ("; ", " ; "), ("! ", " ! "), ("? ", " ? "), (", ", " , ")),
    *(("past due", "overdue"), ("under review", "suspended"), ("not in the list of", "not")),
    *((told, "internal failure") for told in ("went wrong", "out of memory", "timed out")),
    *(("\n", " . "), ("/", " / "), ("'", ""), ("*", " ")),
)
_BLANKS = str.maketrans(dict.fromkeys('_-:()[]{}<>="`|\t\r', " "))
_WIDE = str.maketrans({"\u2019": "'", "。": ". ", "；": "; ", "！": "! ", "，": ", ", "：": " "})


def read_claims(text: str, codes: Iterable[str] = ()) -> Claim:
    """Read everything that a refusal's codes and its text claim. Total, linear in their length."""
    claims = 0
    for place, concept, before in _known_words(_prepare(text, codes).split()):
        claims = _with(claims, _ALONE.get(concept, 0))
        earlier = _EARLIER[concept]
        for before_place, first in before if earlier else ():
            found = earlier.get(first)
            if found and place - before_place <= found[1]:
                claims = _with(claims, found[0])
    return Claim(claims)


def _with(claims: int, more: int) -> int:
    """Add a claim; the first window told is the one that is spent, later ones may be on offer."""
    return claims if more & WINDOWS and claims & WINDOWS else claims | more


def _prepare(text: str, codes: Iterable[str]) -> str:
    """Prepare words and ends of sentences with blanks between, Chinese words as English ones.

    Each code is a sentence of its own.
    """
    sentences = [_HUMP.sub(" ", code[:CODE_LENGTH]) for code in islice(codes, CODES)]
    line = "\n".join((*sentences, _HUMP.sub(" ", _URL.sub(" ", text[:TEXT_LENGTH])))).lower() + " "
    if not line.isascii():
        line = _FOREIGN.sub(" ", _CHINESE.sub(_in_english, line.translate(_WIDE)))
    for sign, put in _SPACED:
        line = line.replace(sign, put)
    return line.translate(_BLANKS)


def _in_english(match: re.Match[str]) -> str:
    return f" {CHINESE[match[0]]} "


Known = tuple[int, Concept]
NOTHING: deque[Known] = deque()


def _known_words(words: Iterable[str]) -> Iterator[tuple[int, Concept, deque[Known]]]:
    """Yield each word of the vocabulary.

    Its place, its concept, those before it in its sentence.
    """
    before: deque[Known] = deque(maxlen=LOOK_BACK)
    negated = advised = AWAY
    previous = ""
    for place, word in enumerate(words):
        found = KINDS.get(word)
        if found is not None:
            concept = _in_context(found, previous, negated=place - negated <= NEGATION)
            if concept is Concept.END:
                before.clear()
                negated = advised = AWAY
            elif concept is Concept.ADVICE:
                advised = place
            elif concept in RECOMMENDED and place - advised <= ADVISED:
                yield place, concept, NOTHING
            elif concept is not None:
                negated = place if concept is Concept.NOT else negated
                yield place, concept, before
                before.append((place, concept))
        previous = word


def _in_context(concept: Concept, previous: str, *, negated: bool) -> Concept | None:
    """Return the word's meaning after a "not" or "your"; None where it says nothing alone."""
    if concept in NEGATED:
        return NEGATED[concept] if negated else None
    return Concept.KEY if concept is Concept.KEY_NOUN and previous in OURS else concept
