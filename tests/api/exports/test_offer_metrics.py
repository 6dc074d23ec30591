"""Metrics of watched offers."""

from api.exports.offer_metrics import collect_offers
from tests.helpers.idle_tracker import a_provider, a_snapshot
from tracker.core.outcomes import Status
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus


def watching(model: str, **changes: object) -> ProviderStatus:
    known = {"status": Status.HEALTHY, "usable": True, "reason": "", **changes}
    offer = OfferStatus(model=model, variant=None, evidence=EvidenceSource.OFFER, **known)
    return a_provider("groq", models=(model, "listed-only"), offers=(offer,))


def samples(provider: ProviderStatus) -> dict[str, dict[tuple[str, ...], float]]:
    families = collect_offers(a_snapshot(provider))
    return {
        family.name: {tuple(one.labels.values()): one.value for one in family.samples}
        for family in families
    }


def test_only_watched_offers_are_labelled() -> None:
    found = samples(watching("llama", ttft_ms=120.0))
    assert found["llm_offer_usable"] == {("groq", "llama"): 1.0}
    assert found["llm_offer_ttft_seconds"] == {("groq", "llama"): 0.12}


def test_an_unknown_value_has_no_sample() -> None:
    found = samples(watching("llama"))
    assert found["llm_offer_ttft_seconds"] == {}
    assert found["llm_offer_tokens_per_second"] == {}


def test_one_state_is_1_and_the_others_0() -> None:
    states = samples(watching("llama", status=Status.DOWN))["llm_offer_state"]
    assert [state for (_, _, state), value in states.items() if value] == ["down"]
