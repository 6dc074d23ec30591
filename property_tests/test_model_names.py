"""Properties of model names: defined for any text, stable, independent of spelling, and no size or
version ever merged."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.models.aliases import find_alias_problems
from tracker.models.names import parse_model_id
from tracker.models.resolver import ModelResolver

families = st.sampled_from(["llama", "qwen", "mistral-small", "glm", "kimi", "newfamily"])
versions = st.tuples(st.integers(1, 9), st.integers(1, 9)).map(lambda pair: "{}.{}".format(*pair))
sizes = st.one_of(
    st.integers(1, 700).map("{}b".format),
    st.integers(1, 9).map("0.{}b".format),
    st.integers(1, 9).map("1.{}b".format),
)
modifiers = st.sampled_from(["", "-mini", "-vl", "-thinking", "-coder", "-base", "-vision", "-exp"])
parts = st.tuples(families, versions, sizes, modifiers)
models = parts.map(lambda of: "{}-{}-{}{}".format(*of))
vendors = st.sampled_from(["", "meta-llama/", "@cf/meta/", "accounts/fireworks/models/", "x/y/z/"])
packagings = st.sampled_from(
    ["", "-instruct", "-versatile", ":free", "-turbo", "-fp8", "-AWQ", "-TEE", "-GGUF:Q4_K_M"]
)


@given(st.text(max_size=400))
def test_every_text_has_a_name(text: str) -> None:
    parsed = parse_model_id(text)
    assert parsed.name or not text.strip()
    assert parsed.variant != ""


@given(parts, vendors, packagings, st.booleans(), st.sampled_from([".", "_", "-", "p"]))
def test_spelling_and_packaging_change_nothing(
    of: tuple[str, str, str, str], vendor: str, packaging: str, upper: bool, dot: str
) -> None:
    family, version, size, modifier = of
    spelled = f"{vendor}{family}-{version.replace('.', dot)}-{size}{modifier}{packaging}"
    expected = parse_model_id(f"{family}-{version}-{size}{modifier}").name
    assert parse_model_id(spelled.upper() if upper else spelled).name == expected


@given(models, models, vendors, packagings)
def test_models_that_differ_never_merge(one: str, other: str, vendor: str, packaging: str) -> None:
    same_name = parse_model_id(vendor + one + packaging).name == parse_model_id(other).name
    assert same_name == (one == other)


@given(models)
def test_a_common_name_is_its_own_name(model: str) -> None:
    name = parse_model_id(model).name
    assert parse_model_id(name).name == name


@given(
    st.dictionaries(st.sampled_from(["groq", "openai", "a/b"]), st.lists(st.text(max_size=20))),
    st.text(max_size=30),
)
def test_offers_found_are_always_offers_listed(lists: dict[str, list[str]], asked: str) -> None:
    match = ModelResolver.of(lists).resolve(asked)
    for offer in match.offers if match else ():
        assert offer.model in lists[offer.provider]


@given(st.dictionaries(st.sampled_from(["groq", "openai"]), st.lists(models, min_size=1)))
def test_replacing_lists_is_the_same_as_indexing_all(lists: dict[str, list[str]]) -> None:
    changed = ModelResolver.of({})
    for provider, models_listed in lists.items():
        changed = changed.with_models(provider, ["old"]).with_models(provider, models_listed)
    assert changed == ModelResolver.of(lists)
    assert list(changed.walk()) == list(ModelResolver.of(lists).walk())


@given(
    st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=8), max_size=3), max_size=5),
    st.frozensets(st.text(max_size=3), max_size=3),
)
def test_aliases_without_a_problem_name_offers_of_known_providers(
    aliases: dict[str, list[str]], providers: frozenset[str]
) -> None:
    wrong = {problem.name for problem in find_alias_problems(aliases, providers)}
    resolver = ModelResolver.of(dict.fromkeys(providers, ()), aliases)
    for name in aliases.keys() - wrong:
        assert resolver.resolve(name) is not None
