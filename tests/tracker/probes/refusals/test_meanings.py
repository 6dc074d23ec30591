"""tracker.probes.refusals.meanings: the rules equal those in the docs, in the same order."""

from typing import Any

import pytest

from tracker.probes.refusals.judgement import RULES, Refusal, judge
from tracker.probes.refusals.meanings import MEANINGS
from tracker.probes.refusals.reading import read_claims


def refusal(meaning: Any) -> Refusal:
    return Refusal(
        status=meaning.status,
        claims=read_claims(meaning.example),
        limited=meaning.status == 429,
        retry=meaning.retry,
    )


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: meaning.claim)
def test_an_example_of_the_docs_is_classified_as_documented(meaning: Any) -> None:
    assert judge(refusal(meaning)) is meaning.kind


def test_the_docs_list_the_rules_in_their_order_of_precedence() -> None:
    places = [
        next(n for n, rule in enumerate(RULES) if rule(refusal(meaning)) is not None)
        for meaning in MEANINGS
    ]
    assert places == sorted(places)
