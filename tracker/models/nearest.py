"""Finding the known names closest to a mistyped one, among hundreds of thousands. Pure.

Only names that share a word with the mistyped one are compared letter by letter. For the first
word, the family, three common letters are enough ("lama" for "llama").
"""

import difflib
import heapq
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

import attrs

from tracker.models.groups import Groups, group, members_of

LONGEST_COMPARED = 64  # characters: difflib's time grows with the product of both lengths
POSTINGS = 2_000  # names looked at for one answer: about two milliseconds
COMPARED = 60  # names compared letter by letter: about two milliseconds
FAMILIES_TRIED = 10  # first words that resemble the one asked for
CLOSE_ENOUGH = 0.5  # "lama-3-70b" to "llama-3.3-70b" is 0.87; unrelated names stay below

_SEPARATOR = re.compile(r"[-.]")


@attrs.frozen
class NameFeatures:
    """Names by their words, and first words by each triple of their letters."""

    by_word: Groups = attrs.field(repr=False)
    families: Groups = attrs.field(repr=False)

    @classmethod
    def of(cls, names: Iterable[str]) -> "NameFeatures":
        """Index names by their words and the first words by their triples of letters."""
        firsts: set[str] = set()
        by_word = group(_word_pairs(names, firsts))
        return cls(
            by_word, group((part, word) for word in sorted(firsts) for part in _triples(word))
        )


def find_nearest(asked: str, known: Iterable[NameFeatures], count: int = 5) -> tuple[str, ...]:
    """Find the names most like the one asked for, the most like first; empty when none is."""
    text = asked[:LONGEST_COMPARED]
    matcher = difflib.SequenceMatcher(None, b=text, autojunk=False)
    scores: dict[str, float] = {}
    for name in _candidates(_words(text), tuple(known)):
        matcher.set_seq1(name[:LONGEST_COMPARED])
        scores[name] = matcher.ratio()
    close = [name for name, score in scores.items() if score >= CLOSE_ENOUGH]
    return tuple(sorted(close, key=lambda name: (-scores[name], name))[:count])


def _candidates(words: list[str], known: tuple[NameFeatures, ...]) -> list[str]:
    """Return names that share most words, from an even sample where a word is in too many."""
    wanted = {*words, *_similar_families(words[0], known)}
    postings = [
        found for word in wanted for some in known if (found := members_of(some.by_word, word))
    ]
    room = POSTINGS // max(len(postings), 1) + 1
    names = {name for found in postings for name in found[:: len(found) // room + 1]}
    return heapq.nlargest(COMPARED, names, lambda name: (len(wanted & {*_words(name)}), name))


def _similar_families(first: str, known: tuple[NameFeatures, ...]) -> list[str]:
    parts = _triples(first)
    shared = Counter(
        family
        for some in known
        for part in parts
        for family in islice(members_of(some.families, part), FAMILIES_TRIED)
    )
    return [family for family, _ in shared.most_common(FAMILIES_TRIED)]


def _words(name: str) -> list[str]:
    return _SEPARATOR.split(name[:LONGEST_COMPARED])


def _triples(word: str) -> set[str]:
    return {word[at : at + 3] for at in range(max(len(word) - 2, 1))}


def _word_pairs(names: Iterable[str], firsts: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each word with the names it is in; the first words go to ``firsts``."""
    for name in names:
        words = _words(name)
        firsts.add(words[0])
        yield from ((word, name) for word in set(words))
