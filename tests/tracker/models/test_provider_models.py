"""The index of one provider's list: names, packaging, and what it costs to renew."""

import gc

import pytest

from tracker.models import provider_models
from tracker.models.names import ModelName, read_model_id
from tracker.models.provider_models import MOST_ALIKE, ProviderModels
from tracker.models.resolver import ModelResolver

LIST = ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b:free", "qwen3-8b", "qwen3-8b")


def test_ids_are_found_by_their_common_name_and_keep_their_packaging() -> None:
    models = ProviderModels.of(LIST)
    assert models.ids == LIST[:3]  # an id twice is offered once
    assert models.ordered == ("llama-3.3-70b", "qwen3-8b")
    assert models.named("llama-3.3-70b") == LIST[:2]
    assert models.named("gpt-9") == ()
    assert "qwen3-8b" in models
    assert "gpt-9" not in models
    assert [models.variant_of(each) for each in models.ids] == ["instruct", "free", None]
    assert models.parsed("llama-3.3-70b:free") == ModelName("llama-3.3-70b", "free")


def test_only_new_ids_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ProviderModels.of(LIST)
    asked: list[str] = []

    def read(model_id: str) -> ModelName:
        asked.append(model_id)
        return read_model_id(model_id)

    monkeypatch.setattr(provider_models, "read_model_id", read)
    after = ProviderModels.of((*LIST[1:], "gemma-3-27b-it"), before)
    assert asked == ["gemma-3-27b-it"]
    assert after.ids == (*LIST[1:3], "gemma-3-27b-it")
    assert after.named("llama-3.3-70b") == LIST[1:2]


def test_a_long_list_is_kept_in_few_objects() -> None:
    ids = [f"vendor/llama-3.3-70b-r{n}-instruct" for n in range(5_000)]
    ProviderModels.of(ids[:10])
    gc.collect()
    before = len(gc.get_objects())
    models = ProviderModels.of(ids)
    gc.collect()  # it leaves alone what it has once found to hold nothing but texts
    assert len(gc.get_objects()) - before < 500  # what the collector walks, while others wait
    assert len(models.ordered) == 5_000


def test_one_model_under_many_ids_is_so_many_offers_and_each_is_found_by_its_id() -> None:
    ids = [f"maker-{number}/llama-3.3-70b" for number in range(20 * MOST_ALIKE)]
    models = ProviderModels.of(ids)
    assert models.named("llama-3.3-70b") == tuple(ids[:MOST_ALIKE])
    assert ids[-1] in models
    assert models.ids == tuple(ids)
    match = ModelResolver.of({"a": ids}).resolve(ids[-1])
    assert match is not None
    assert [offer.model for offer in match.offers] == ids[-1:]
