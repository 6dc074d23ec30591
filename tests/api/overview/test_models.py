"""Finding models by parts of their names."""

import pytest

from api.overview.models import FoundModels, find_named, view_models
from tests.helpers.idle_tracker import a_provider
from tracker.core.outcomes import Status
from tracker.core.provider_status import EvidenceSource, OfferStatus
from tracker.models.resolver import ModelResolver

RESOLVER = ModelResolver.of(
    {
        "groq": ["llama-3.3-70b-versatile", "llama-3.1-8b-instant", "whisper-large-v3"],
        "together": ["meta-llama/Llama-3.3-70B-Instruct-Turbo"],
    }
)


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
    assert find_named(RESOLVER.walk(), search).best[0].name == first


def test_without_a_search_the_most_offered_come_first() -> None:
    found = find_named(RESOLVER.walk(), "")
    assert found.best[0].name == "llama-3.3-70b"
    assert (found.known, found.found) == (3, 3)


def test_a_model_without_any_offer_is_not_found() -> None:
    assert find_named(RESOLVER.walk(), "gpt-9") == FoundModels(known=3, found=0, best=())


def test_each_model_has_the_number_of_its_usable_providers() -> None:
    failing = OfferStatus(
        model="llama-3.3-70b-versatile",
        variant=None,
        status=Status.DOWN,
        usable=False,
        reason="gone",
        evidence=EvidenceSource.OFFER,
    )
    providers = {"groq": a_provider(offers=(failing,)), "together": a_provider("together")}
    told = view_models(find_named(RESOLVER.walk(), "llama-3.3-70b").best, providers)
    assert told == [{"model": "llama-3.3-70b", "providers": 2, "usable": 1}]
    providers["together"] = a_provider("together", usable=False)
    assert (
        view_models(find_named(RESOLVER.walk(), "llama-3.3-70b").best, providers)[0]["usable"] == 0
    )
