"""Finding models by parts of their names."""

import pytest

from api.overview.models import find_named, view_models
from tests.helpers.idle_tracker import a_provider
from tracker.core.model_resolver import ModelResolver
from tracker.core.outcomes import Status
from tracker.core.snapshot import EvidenceSource, OfferStatus

NAMES = ModelResolver.of(
    {
        "groq": ["llama-3.3-70b-versatile", "llama-3.1-8b-instant", "whisper-large-v3"],
        "together": ["meta-llama/Llama-3.3-70B-Instruct-Turbo"],
    }
).offers_by_name()


@pytest.mark.parametrize(
    ("search", "first"),
    [
        ("llama-3.3-70b", "llama-3.3-70b"),
        ("LLAMA 3.3", "llama-3.3-70b"),
        ("70b llama", "llama-3.3-70b"),
        ("whisp", "whisper-large-v3"),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "llama-3.3-70b"),
    ],
)
def test_a_model_is_found_by_any_part_in_any_order(search: str, first: str) -> None:
    assert find_named(NAMES, search)[0][0] == first


def test_without_a_search_the_most_offered_come_first() -> None:
    found = [name for name, _ in find_named(NAMES, "")]
    assert found[0] == "llama-3.3-70b"
    assert len(found) == 3


def test_what_nobody_offers_is_not_found() -> None:
    assert find_named(NAMES, "gpt-9") == []


def test_each_model_tells_how_many_of_its_providers_are_usable() -> None:
    failing = OfferStatus(
        model="llama-3.3-70b-versatile",
        variant=None,
        status=Status.DOWN,
        usable=False,
        reason="gone",
        evidence=EvidenceSource.OFFER,
    )
    providers = {"groq": a_provider(offers=(failing,)), "together": a_provider("together")}
    told = view_models(find_named(NAMES, "llama-3.3-70b"), providers)
    assert told == [{"model": "llama-3.3-70b", "providers": 2, "usable": 1}]
    providers["together"] = a_provider("together", usable=False)
    assert view_models(find_named(NAMES, "llama-3.3-70b"), providers)[0]["usable"] == 0
