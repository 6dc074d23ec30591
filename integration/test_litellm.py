"""LiteLLM's real Router, with our plugin, on deployments that answer by themselves.

Needs litellm: ``python -m integration`` runs it in an environment that has it.
"""

import asyncio
import os
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.helpers.fake_tracker import FakeTracker, best, best_offers, hang, saying
from tests.helpers.fake_upstream import FakeUpstream

# otherwise its import sends requests to the internet
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
with warnings.catch_warnings():  # its own warnings about its dependencies
    warnings.simplefilter("ignore")
    litellm = pytest.importorskip("litellm", reason="litellm is not installed here")
    from tracker.client import ProviderStatusClient
    from tracker.litellm import ProviderStatusRouting

pytestmark = pytest.mark.filterwarnings("default")  # LiteLLM's own warnings
GROUP = "chat"


def deployment(model: str, *, says: str | None = None, **params: Any) -> dict[str, Any]:
    """Return a deployment of the group, answered by LiteLLM itself with its provider's name."""
    answer = {"mock_response": says or model.partition("/")[0]}
    return {
        "model_name": GROUP,
        "litellm_params": {"model": model, "api_key": "none", **answer, **params},
    }


def served(model: str, upstream: FakeUpstream) -> dict[str, Any]:
    """Return a deployment of the group, answered by a server on loopback."""
    params = {"model": model, "api_key": "none", "api_base": upstream.url}
    return {"model_name": GROUP, "litellm_params": params}


THREE = (
    deployment("groq/llama-3.3-70b"),
    deployment("mistral/mistral-small"),
    deployment("together_ai/meta-llama/llama-3.3-70b"),
)


@pytest.fixture
def tracker() -> Iterator[FakeTracker]:
    with FakeTracker("groq", "mistral", "together") as fake:
        yield fake


@pytest.fixture
def client(tracker: FakeTracker) -> Iterator[ProviderStatusClient]:
    with ProviderStatusClient(
        tracker.url, poll_interval=0.01, start_timeout=10.0, request_timeout=0.2
    ) as client:
        yield client


@pytest.fixture(autouse=True)
def _registered(client: ProviderStatusClient) -> Iterator[None]:
    litellm.suppress_debug_info = True
    litellm.callbacks = [ProviderStatusRouting(client)]
    yield
    litellm.callbacks = []


async def ask(router: Any, times: int = 6) -> Counter[str]:
    """Return how often each provider answered."""
    answers: Counter[str] = Counter()
    for _ in range(times):
        response = await router.acompletion(GROUP, [{"role": "user", "content": "hello"}])
        answers[response.choices[0].message.content] += 1
    return answers


def run(job: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await job()

    return asyncio.run(main())


@pytest.mark.parametrize(
    "strategy", ["simple-shuffle", "latency-based-routing", "least-busy", "usage-based-routing-v2"]
)
def test_calls_follow_best_and_a_switch_whatever_the_routers_strategy(
    tracker: FakeTracker, strategy: str
) -> None:
    router = litellm.Router(model_list=list(THREE), routing_strategy=strategy)

    async def job() -> tuple[Any, ...]:
        before = await ask(router)
        tracker.best = best("together", "groq")
        await asyncio.to_thread(tracker.wait_polls, 2)
        return before, await ask(router)

    assert run(job) == ({"groq": 6}, {"together_ai": 6})


def test_of_two_models_at_one_provider_calls_go_to_the_one_that_works(
    tracker: FakeTracker,
) -> None:
    """Also if LiteLLM writes the provider and the id differently from the tracker."""
    models = {
        "groq/llama-3.3-70b-versatile": "versatile",
        "groq/openai/gpt-oss-20b": "gpt-oss",
        "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo": "turbo",
    }
    router = litellm.Router(model_list=[deployment(m, says=said) for m, said in models.items()])
    offers = (
        "groq/openai/gpt-oss-20b",
        "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "groq/llama-3.3-70b-versatile",
    )

    # The tracker is asked about all candidates: LiteLLM's provider names differ from ours.
    asked = ",".join(sorted({*offers, offers[1].replace("together/", "together_ai/")}))

    async def job() -> list[Counter[str]]:
        found = []
        for first in range(len(offers)):
            tracker.offers[asked] = best_offers(*offers[first:], *offers[:first])
            await ask(router, 1)
            await asyncio.to_thread(tracker.wait_polls, 6)
            found.append(await ask(router))
        return found

    assert run(job) == [{"gpt-oss": 6}, {"turbo": 6}, {"versatile": 6}]


def test_without_a_deployment_of_the_best_calls_go_to_the_alternatives_in_order(
    tracker: FakeTracker,
) -> None:
    router = litellm.Router(model_list=list(THREE[1:]))
    assert run(lambda: ask(router)) == {"mistral": 6}


def test_what_the_tracker_does_not_rank_is_left_to_litellm(tracker: FakeTracker) -> None:
    router = litellm.Router(model_list=[deployment("deepseek/chat"), deployment("cohere/command")])
    assert set(run(lambda: ask(router, 40))) == {"deepseek", "cohere"}


@pytest.mark.parametrize("mood", [saying(500, b""), saying(200, b"<html>"), hang])
def test_a_tracker_in_trouble_costs_no_call(tracker: FakeTracker, mood: Any) -> None:
    router = litellm.Router(model_list=list(THREE))

    async def job() -> Any:
        tracker.mood = mood
        await asyncio.to_thread(tracker.wait_polls, 2)
        return await ask(router)

    assert run(job) == {"groq": 6}


def test_while_nothing_is_usable_the_router_decides_alone(tracker: FakeTracker) -> None:
    router = litellm.Router(model_list=list(THREE))

    async def job() -> Any:
        tracker.best = best()
        await asyncio.to_thread(tracker.wait_polls, 3)
        return await ask(router, 60)

    assert set(run(job)) == {"groq", "mistral", "together_ai"}


def test_without_the_plugin_calls_are_spread(tracker: FakeTracker) -> None:
    """This is what the other tests would see if the plugin did nothing."""
    litellm.callbacks = []
    router = litellm.Router(model_list=list(THREE))
    assert set(run(lambda: ask(router, 60))) == {"groq", "mistral", "together_ai"}


def test_litellms_own_cooldown_holds_though_the_tracker_still_says_best(
    tracker: FakeTracker,
) -> None:
    with FakeUpstream("groq") as groq, FakeUpstream("mistral") as mistral:
        router = litellm.Router(
            model_list=[served("groq/llama", groq), served("mistral/small", mistral)],
            num_retries=2,
            cooldown_time=60.0,
        )

        async def job() -> tuple[Any, ...]:
            well = await ask(router, 2)
            groq.status = 429
            return well, await ask(router, 5)

        assert run(job) == ({"groq": 2}, {"mistral": 5})
        assert groq.calls == 3  # one 429, and then no more


def test_a_spread_of_calls_follows_the_trackers_weights(
    tracker: FakeTracker, client: ProviderStatusClient
) -> None:
    tracker.best = best("groq", "mistral")  # half each
    litellm.callbacks = [ProviderStatusRouting(client, spread=True)]
    router = litellm.Router(model_list=list(THREE))

    async def job() -> Any:
        await asyncio.to_thread(tracker.wait_polls, 2)
        return await ask(router, 100)

    answers = run(job)
    assert set(answers) == {"groq", "mistral"}  # together has no share
    assert min(answers.values()) > 20


def test_g4f_is_found_by_its_address_and_a_local_server_by_its_said_name(
    tracker: FakeTracker,
) -> None:
    g4f = deployment("openai/gpt-4", says="g4f", api_base="https://g4f.space/api/groq/")
    local = deployment("openai/gpt-oss", says="local", api_base="http://127.0.0.1:1/v1")
    local["model_info"] = {"provider_status_name": "local-vllm"}
    router = litellm.Router(model_list=[g4f, local, *THREE])

    async def job() -> tuple[Any, ...]:
        tracker.best = best("g4f_groq", "groq")
        await asyncio.to_thread(tracker.wait_polls, 2)
        first = await ask(router)
        tracker.best = best("local-vllm", "groq")
        await asyncio.to_thread(tracker.wait_polls, 2)
        return first, await ask(router)

    assert run(job) == ({"g4f": 6}, {"local": 6})
