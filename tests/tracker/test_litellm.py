"""The plugin's own logic, without LiteLLM: integration/test_litellm.py uses its real Router."""

import logging
import sys
from types import ModuleType
from typing import Any

import pytest

from tracker.client import Offer, ProviderStatusClient
from tracker.client.cached_ranking import CachedRanking
from tracker.client.questions import FollowedQuestions, Question


def stand_in() -> dict[str, ModuleType]:
    """As much of litellm as the plugin takes: a base class, and whose a bare model is."""
    names = ("litellm", "litellm.integrations", "litellm.integrations.custom_logger")
    modules = {name: ModuleType(name) for name in names}
    modules[names[2]].CustomLogger = type("CustomLogger", (), {})  # type: ignore[attr-defined]
    known = {"gpt-4o": ("gpt-4o", "openai", None, None)}
    modules[names[0]].get_llm_provider = known.__getitem__  # type: ignore[attr-defined]
    return modules


@pytest.fixture(scope="module")
def plugin() -> Any:
    """tracker.litellm, imported with the stand-in whether or not litellm is installed."""
    with pytest.MonkeyPatch.context() as patch:
        for name, module in stand_in().items():
            patch.setitem(sys.modules, name, module)
        patch.delitem(sys.modules, "tracker.litellm", raising=False)
        import tracker.litellm as plugin  # noqa: PLC0415

        yield plugin
        sys.modules.pop("tracker.litellm", None)


def knowing(*names: str) -> ProviderStatusClient:
    client = ProviderStatusClient("http://127.0.0.1:1")
    client._memory.learn(CachedRanking(names=names, weights=(1.0 / len(names),) * len(names)))
    return client


def deployment(model: str, **params: Any) -> dict[str, Any]:
    return {"model_name": "chat", "litellm_params": {"model": model, **params}}


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"model": "groq/llama"}, {"groq"}),
        ({"model": "together_ai/meta-llama/llama"}, {"together", "together_ai"}),
        ({"model": "nvidia_nim/meta/llama"}, {"nvidia", "nvidia_nim"}),
        ({"model": "fireworks_ai/accounts/fireworks/models/x"}, {"fireworks", "fireworks_ai"}),
        ({"model": "huggingface/together/x"}, {"huggingface"}),
        ({"model": "gemini/gemini-2.5-pro"}, {"gemini", "google"}),
        ({"model": "vertex_ai/gemini-2.5-pro"}, {"vertex_ai"}),
        ({"model": "cohere_chat/command"}, {"cohere", "cohere_chat"}),
        ({"model": "mistral/small", "api_base": "http://127.0.0.1:9/v1"}, {"mistral"}),
        ({"model": "llama", "custom_llm_provider": "groq"}, {"groq"}),
        ({"model": "gpt-4o"}, {"openai"}),
        ({"model": "openai/gpt-4o"}, {"openai"}),
        ({"model": "openai/gpt-4o", "api_base": "http://127.0.0.1:9/v1"}, set()),
        ({"model": "openai/x", "api_base": "https://g4f.space/v1/"}, {"g4f_main"}),
        ({"model": "openai/x", "api_base": "https://G4F.space/api/groq"}, {"g4f_groq"}),
        ({"model": "openai/x", "base_url": "https://g4f.space/api/grok/v1"}, {"g4f_grok"}),
        ({"model": "openai/x", "api_base": "https://g4f.space/api/groqqq"}, set()),
        ({"model": "nobody-knows"}, set()),
        ({}, set()),
        ({"model": None, "api_base": 5}, set()),
    ],
)
def test_a_deployment_is_known_by_address_or_name(
    plugin: Any, params: dict[str, Any], names: Any
) -> None:
    routing = plugin.ProviderStatusRouting(knowing("groq"))
    assert routing.names_of({"litellm_params": params}) == names


def test_configured_names_and_addresses_are_added(plugin: Any) -> None:
    routing = plugin.ProviderStatusRouting(
        knowing("groq"),
        names={"my-azure": "azure", "together": ["together_eu"]},
        api_bases={"local": "http://127.0.0.1:9/v1", "g4f_main": "https://g4f.example/v1"},
    )

    def of(model: str, **params: str) -> set[str]:
        return set(routing.names_of(deployment(model, **params)))

    assert of("azure/gpt-4o") == {"my-azure", "azure"}
    assert of("together_eu/x") == {"together", "together_eu"}
    assert of("openai/x", api_base="http://127.0.0.1:9/v1") == {"local"}
    assert of("openai/x", api_base="https://g4f.space/v1") == set()
    said = deployment("groq/llama") | {"model_info": {"provider_status_name": "groq-paid"}}
    assert routing.names_of(said) == {"groq-paid"}


GROQ, GROQ_TOO = deployment("groq/llama"), deployment("groq/llama-2")
FIREWORKS = deployment("fireworks_ai/llama-v3p3-70b-instruct")
MISTRAL, OTHER = deployment("mistral/small"), deployment("deepseek/chat")


@pytest.mark.parametrize(
    ("ranked", "given", "kept"),
    [
        (("groq", "mistral"), [MISTRAL, GROQ, OTHER, GROQ_TOO], [GROQ, GROQ_TOO]),
        (("cerebras", "mistral", "groq"), [GROQ, MISTRAL], [MISTRAL]),
        (("cerebras",), [GROQ, MISTRAL], [GROQ, MISTRAL]),
        (("groq",), [], []),
        (("groq",), [{}, {"litellm_params": None}, GROQ], [GROQ]),
    ],
)
async def test_deployments_of_the_best_provider_that_has_any_are_kept(
    plugin: Any, ranked: Any, given: list[Any], kept: list[Any]
) -> None:
    routing = plugin.ProviderStatusRouting(knowing(*ranked))
    assert await routing.async_filter_deployments("chat", given, None) == kept


def knowing_offers(*offers: str, evidence: str = "offer") -> ProviderStatusClient:
    """The tracker has ranked these, whichever are asked about."""
    lines = {}
    for key in offers:
        provider, _, model = key.partition("/")
        lines[key] = Offer(provider=provider, model=model, evidence=evidence)

    class Answered(FollowedQuestions):
        def answer(self, question: Question) -> CachedRanking:
            return CachedRanking(names=offers, lines=lines)

    client = knowing("cerebras")
    client._memory.questions = Answered(client._memory.clock, 300.0)
    return client


@pytest.mark.parametrize(
    ("ranked", "kept"),
    [
        (("groq/llama-2", "groq/llama", "mistral/small"), [GROQ_TOO]),
        (("mistral/small", "groq/llama"), [MISTRAL]),
        (
            ("fireworks/accounts/fireworks/models/llama-v3p3-70b-instruct", "groq/llama"),
            [FIREWORKS],
        ),
        ((), [GROQ, GROQ_TOO, MISTRAL, FIREWORKS]),
    ],
)
async def test_the_deployments_of_the_best_offer_are_kept(
    plugin: Any, ranked: tuple[str, ...], kept: list[Any]
) -> None:
    routing = plugin.ProviderStatusRouting(knowing_offers(*ranked))
    given = [GROQ, GROQ_TOO, MISTRAL, FIREWORKS]
    assert await routing.async_filter_deployments("chat", given, None) == kept


async def test_indistinguishable_offers_are_kept_together(plugin: Any) -> None:
    client = knowing_offers("groq/llama", "groq/llama-2", "mistral/small", evidence="provider")
    routing = plugin.ProviderStatusRouting(client)
    kept = await routing.async_filter_deployments("chat", [MISTRAL, GROQ, GROQ_TOO], None)
    assert kept == [GROQ, GROQ_TOO]


@pytest.mark.parametrize(
    ("params", "offers"),
    [
        ({"model": "groq/llama"}, {"groq/llama"}),
        ({"model": "together_ai/a/b"}, {"together/a/b", "together_ai/a/b"}),
        ({"model": "a/b", "custom_llm_provider": "groq"}, {"groq/a/b"}),
        ({"model": "gpt-4o"}, {"openai/gpt-4o"}),
        ({"model": "nobody-knows"}, set()),
    ],
)
def test_a_deployments_offer_has_the_id_that_the_provider_wants(
    plugin: Any, params: dict[str, str], offers: set[str]
) -> None:
    routing = plugin.ProviderStatusRouting(knowing("groq"))
    assert routing.offers_of({"litellm_params": params}) == offers


async def test_a_tracker_that_knows_nothing_leaves_the_list_as_it_is(plugin: Any) -> None:
    given = [GROQ, MISTRAL]
    routing = plugin.ProviderStatusRouting(ProviderStatusClient("http://127.0.0.1:1"))
    assert await routing.async_filter_deployments("chat", given, None) is given


async def test_a_static_order_routes_while_the_tracker_is_away(plugin: Any) -> None:
    client = ProviderStatusClient("http://127.0.0.1:1", static_order=["mistral"])
    routing = plugin.ProviderStatusRouting(client)
    assert await routing.async_filter_deployments("chat", [GROQ, MISTRAL], None) == [MISTRAL]


async def test_an_invalid_deployment_fails_no_call_and_is_logged(
    plugin: Any, caplog: pytest.LogCaptureFixture
) -> None:
    given = [GROQ, None]
    routing = plugin.ProviderStatusRouting(knowing("groq"))
    with caplog.at_level(logging.ERROR):
        assert await routing.async_filter_deployments("chat", given, None) is given
    assert "deployments could not be filtered" in caplog.text


def event(provider: str, base: str = "", **payload: Any) -> dict[str, Any]:
    """As much of a success event as tells whose call it was."""
    return {
        "litellm_params": {"custom_llm_provider": provider, "api_base": base},
        "standard_logging_object": {"model": "m", "custom_llm_provider": provider, **payload},
    }


@pytest.mark.parametrize(
    ("kwargs", "names"),
    [
        (event("groq", "https://api.groq.com/openai/v1"), ["groq"]),
        (event("together_ai"), ["together"]),
        (event("openai", "https://api.openai.com/v1/"), ["openai"]),
        (event("openai", "http://127.0.0.1:1/v1"), []),
        (event("openai", "https://g4f.space/api/groq"), ["g4f_groq"]),
    ],
)
async def test_an_attempt_is_reported_under_the_trackers_name(
    plugin: Any, kwargs: Any, names: list[Any]
) -> None:
    client = knowing("groq", "together", "openai", "g4f_groq")
    await plugin.ProviderStatusRouting(client).async_log_success_event(kwargs, None, None, None)
    queued = client._sender.queue.take(9, not_before=0.0)
    assert [report.fields["provider"] for report in queued] == names


async def test_reporting_can_be_switched_off(plugin: Any) -> None:
    client = knowing("groq")
    routing = plugin.ProviderStatusRouting(client, report=False)
    await routing.async_log_failure_event(event("groq"), None, None, None)
    assert client.reports.queued == 0


async def test_an_unreadable_event_fails_no_call_and_is_logged(
    plugin: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = knowing("groq")
    await plugin.ProviderStatusRouting(client).async_log_success_event(5, None, None, None)
    assert client.reports.queued == 0
    assert "could not be reported" in caplog.text
