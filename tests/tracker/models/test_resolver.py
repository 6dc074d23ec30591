"""Names find offers: by the exact id, by ``[models]``, by the built-in rules; in that order."""

import pytest

from tracker.models.resolver import FoundBy, ModelResolver, NamedOffer

MODELS = {
    "groq": ["llama-3.3-70b-versatile", "openai/gpt-oss-120b", "groq/compound"],
    "together": ["meta-llama/Llama-3.3-70B-Instruct-Turbo", "openai/gpt-oss-120b"],
    "openrouter": ["meta-llama/llama-3.3-70b-instruct", "meta-llama/llama-3.3-70b-instruct:free"],
    "local": ["a model: with spaces", "模型-7b"],
}


def _found(resolver: ModelResolver, asked: str) -> tuple[FoundBy | None, list[tuple[str, str]]]:
    match = resolver.resolve(asked)
    if match is None:
        return None, []
    return match.found_by, [(offer.provider, offer.model) for offer in match.offers]


@pytest.fixture
def resolver() -> ModelResolver:
    return ModelResolver.of(MODELS)


def test_a_common_name_finds_every_offer_with_its_own_id_and_variant(
    resolver: ModelResolver,
) -> None:
    match = resolver.resolve("llama-3.3-70b")
    assert match is not None
    assert (match.name, match.found_by) == ("llama-3.3-70b", FoundBy.RULES)
    assert match.offers == (
        NamedOffer("groq", "llama-3.3-70b-versatile", "versatile"),
        NamedOffer("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "instruct-turbo"),
        NamedOffer("openrouter", "meta-llama/llama-3.3-70b-instruct", "instruct"),
        NamedOffer("openrouter", "meta-llama/llama-3.3-70b-instruct:free", "instruct-free"),
    )


def test_an_exact_id_finds_that_id_alone_at_every_provider(resolver: ModelResolver) -> None:
    assert _found(resolver, "openai/gpt-oss-120b") == (
        FoundBy.ID,
        [("groq", "openai/gpt-oss-120b"), ("together", "openai/gpt-oss-120b")],
    )


@pytest.mark.parametrize("asked", ["a model: with spaces", "模型-7b", " 模型-7b "])
def test_an_id_of_any_letters_is_found(resolver: ModelResolver, asked: str) -> None:
    assert _found(resolver, asked) == (FoundBy.ID, [("local", asked.strip())])


@pytest.mark.parametrize(
    ("asked", "by", "model"),
    [
        ("groq/llama-3.3-70b-versatile", FoundBy.ID, "llama-3.3-70b-versatile"),
        ("groq/openai/gpt-oss-120b", FoundBy.ID, "openai/gpt-oss-120b"),
        ("groq/compound", FoundBy.ID, "groq/compound"),
        ("groq/llama-3.3-70b", FoundBy.RULES, "llama-3.3-70b-versatile"),
    ],
)
def test_a_name_behind_a_provider_finds_its_offer_alone(
    resolver: ModelResolver, asked: str, by: FoundBy, model: str
) -> None:
    assert _found(resolver, asked) == (by, [("groq", model)])


def test_a_provider_without_the_model_is_taken_for_a_vendor(resolver: ModelResolver) -> None:
    with_openai = resolver.with_models("openai", ["gpt-4o"])
    _, offers = _found(with_openai, "openai/GPT-OSS-120B")
    assert [provider for provider, _ in offers] == ["groq", "together"]


def test_names_of_the_owner_override_the_rules() -> None:
    aliases = {
        "Fast-70b": ["groq/llama-3.3-70b-versatile"],
        "llama-3.3-70b": ["together/meta-llama/Llama-3.3-70B-Instruct-Turbo"],
    }
    resolver = ModelResolver.of(MODELS, aliases)
    together = [("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo")]
    assert _found(resolver, "fast-70B") == (FoundBy.ALIAS, [("groq", "llama-3.3-70b-versatile")])
    assert _found(resolver, "llama-3.3-70b") == (FoundBy.ALIAS, together)
    assert _found(resolver, "Llama-3.3-70B-Instruct-FP8") == (FoundBy.ALIAS, together)
    assert _found(resolver, "groq/llama-3.3-70b")[1] == [("groq", "llama-3.3-70b-versatile")]
    assert "Fast-70b" in {match.name for match in resolver.walk()}


def test_an_exact_id_comes_before_a_name_of_the_owner() -> None:
    aliases = {"llama-3.3-70b-versatile": ["together/openai/gpt-oss-120b"]}
    resolver = ModelResolver.of(MODELS, aliases)
    assert _found(resolver, "llama-3.3-70b-versatile")[0] is FoundBy.ID


def test_targets_without_a_known_provider_are_left_out() -> None:
    resolver = ModelResolver.of(MODELS, {"x": ["nobody/y", "x", "groq/z"], "y": ["nobody/y"]})
    assert _found(resolver, "x") == (FoundBy.ALIAS, [("groq", "z")])
    assert resolver.resolve("y") is None


@pytest.mark.parametrize("asked", ["", " ", "/", "groq/", "llama-3.3-8b", "x" * 10_000])
def test_a_model_without_any_offer_is_not_found(resolver: ModelResolver, asked: str) -> None:
    assert resolver.resolve(asked) is None


def test_a_new_list_replaces_the_old_one_of_its_provider_alone(resolver: ModelResolver) -> None:
    changed = resolver.with_models("groq", ["gpt-oss-20b"])
    assert _found(changed, "gpt-oss-20b") == (FoundBy.ID, [("groq", "gpt-oss-20b")])
    assert "groq" not in dict(_found(changed, "llama-3.3-70b")[1])
    assert changed.providers["together"] is resolver.providers["together"]
    assert changed.with_models("groq", ["gpt-oss-20b", "gpt-oss-20b"]) is changed
    assert changed.without_provider("groq").resolve("gpt-oss-20b") is None


def test_nearest_names_suggest_likely_models() -> None:
    resolver = ModelResolver.of(MODELS, {"Fast-Coder": ["groq/groq/compound"]})
    assert resolver.nearest_names("lama-3.3-70b")[0] == "llama-3.3-70b"
    assert resolver.nearest_names("fast-codr")[0] == "Fast-Coder"
    assert resolver.nearest_names("zzz") == ()


def test_all_offers_are_listed_by_common_name(resolver: ModelResolver) -> None:
    names = {match.name: match.offers for match in resolver.walk()}
    assert len(names["gpt-oss-120b"]) == 2
