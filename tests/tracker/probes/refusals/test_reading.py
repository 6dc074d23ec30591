"""tracker.probes.refusals.reading: what words claim together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.probes.refusals.chinese import CHINESE
from tracker.probes.refusals.reading import KINDS, read_claims
from tracker.probes.refusals.rules import Claim
from tracker.probes.refusals.words import VOCABULARY


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("API key not valid", Claim.KEY),
        ("Your API key has been revoked", Claim.KEY),
        ("No API key provided", Claim.KEY),
        ("无效的令牌", Claim.KEY),
        ("This organization has been disabled", Claim.ACCOUNT),
        ("The model m does not exist", Claim.MODEL),
        ("model m is no longer available", Claim.MODEL),
        ("not enough credits", Claim.MONEY),
        ("账户余额不足", Claim.MONEY),
        ("requests per minute", Claim.MINUTE),
        ("tokens per day", Claim.DAY),
        ("server is overloaded", Claim.OVERLOADED),
        ("region not supported", Claim.REGION),
    ],
)
def test_words_together_make_a_claim(text: str, claim: Any) -> None:
    assert claim in read_claims(text)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Your API key is valid", Claim.KEY),
        ("Missing required key 'messages'", Claim.KEY),
        ("Unexpected token in JSON", Claim.KEY),
        ("The model exists. The file was not found", Claim.MODEL),
        ("temperature is not supported with this model", Claim.MODEL),
        ("please check your plan and billing", Claim.MONEY),
        ("Add 10 credits to exceed the limit", Claim.MONEY),
        ("See https://x.ai/billing/insufficient_balance", Claim.MONEY | Claim.MONEY_NAMED),
        ("requests per minute, or 1000 per day", Claim.DAY),
        ("available models", Claim.MODEL),
    ],
)
def test_similar_words_make_no_claim(text: str, claim: Any) -> None:
    assert not claim & read_claims(text)


def test_a_code_is_read_as_words() -> None:
    assert Claim.MONEY in read_claims("", ["insufficient_user_quota"])
    assert Claim.ACCOUNT in read_claims("", ["AccountSuspended"])
    assert read_claims("", ["model", "not_found"]) == Claim.NONE  # each is a sentence of its own


def test_each_word_has_one_meaning() -> None:
    every = [word for words in VOCABULARY.values() for word in words.split()]
    assert sorted(every) == sorted(set(every))


def test_every_chinese_word_is_read_as_words_of_the_vocabulary() -> None:
    for english in CHINESE.values():
        assert any(word in KINDS for word in english.split()), english


@given(st.text(max_size=3000), st.lists(st.text(max_size=120), max_size=30))
def test_any_text_is_read(text: str, codes: Any) -> None:
    assert isinstance(read_claims(text, codes), Claim)


@given(st.lists(st.sampled_from(sorted(KINDS)), max_size=300))
def test_any_words_of_the_vocabulary_are_read(words: Any) -> None:
    assert isinstance(read_claims(" ".join(words)), Claim)
