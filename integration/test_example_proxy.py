"""The example proxy under uvicorn, on loopback, between a fake tracker and fake upstreams."""

import importlib.util
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.helpers.fake_tracker import FakeTracker, best, best_offers
from tests.helpers.fake_upstream import FakeUpstream

pytest.importorskip("fastapi", reason="fastapi is not installed here")
uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed here")

pytestmark = pytest.mark.filterwarnings("default")  # warnings of third-party code
QUESTION = "/api/providers/best?model=llama"
EXAMPLE = Path(__file__).parents[1] / "examples" / "fastapi_proxy.py"


def load_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fastapi_proxy", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fastapi_proxy"] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def served(app: Any) -> Iterator[httpx.Client]:
    """Serve under uvicorn on a free port, for the length of the block."""
    started = threading.Event()

    class Server(uvicorn.Server):  # type: ignore[misc, name-defined, unused-ignore]
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.set()

    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert started.wait(20.0)
        host, port = listener.getsockname()
        with httpx.Client(base_url=f"http://{host}:{port}", trust_env=False, timeout=20.0) as http:
            yield http
    finally:
        server.should_exit = True
        thread.join(20.0)
        listener.close()


@pytest.fixture
def world() -> Iterator[tuple[httpx.Client, FakeTracker, FakeUpstream, FakeUpstream]]:
    example = load_example()
    with (
        FakeTracker("mistral", "groq") as tracker,
        FakeUpstream("groq") as groq,
        FakeUpstream("mistral") as mistral,
    ):
        upstreams = {
            "groq": example.Upstream(base_url=groq.url, key_variable="NO_KEY"),
            "mistral": example.Upstream(
                base_url=mistral.url, key_variable="NO_KEY", models={"llama": "their-llama"}
            ),
        }
        app = example.create_app(upstreams, tracker.url, poll_interval=0.01, start_timeout=10.0)
        with served(app) as http:
            yield http, tracker, groq, mistral


def ask(http: httpx.Client) -> tuple[int, str | None, Any]:
    response = http.post("/v1/chat/completions", json={"model": "llama", "messages": []})
    return response.status_code, response.headers.get("X-Provider"), response.json()


def test_calls_follow_best_and_a_switch(
    world: tuple[httpx.Client, FakeTracker, FakeUpstream, FakeUpstream],
) -> None:
    http, tracker, groq, mistral = world
    status, provider, answer = ask(http)
    assert (status, provider) == (200, "mistral")
    assert answer["choices"][0]["message"]["content"] == "mistral"
    assert mistral.asked[0]["model"] == "their-llama"
    tracker.best = best("groq", "mistral")
    tracker.wait_polls()
    assert ask(http)[:2] == (200, "groq")
    assert (groq.calls, mistral.calls) == (1, 1)


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_failing_best_falls_back_to_the_alternative(
    world: tuple[httpx.Client, FakeTracker, FakeUpstream, FakeUpstream], status: int
) -> None:
    http, _, groq, mistral = world
    mistral.status = status
    assert ask(http)[:2] == (200, "groq")
    assert (groq.calls, mistral.calls) == (1, 1)


def test_our_own_mistake_is_passed_on_and_tried_nowhere_else(
    world: tuple[httpx.Client, FakeTracker, FakeUpstream, FakeUpstream],
) -> None:
    http, _, groq, mistral = world
    mistral.status = 400
    assert ask(http)[:2] == (400, "mistral")
    assert groq.calls == 0


def test_if_no_provider_answers_the_error_names_those_tried(
    world: tuple[httpx.Client, FakeTracker, FakeUpstream, FakeUpstream],
) -> None:
    http, _, groq, mistral = world
    mistral.status, groq.status = 429, 500
    status, _, answer = ask(http)
    assert status == 502
    assert answer["error"]["tried"] == {"mistral/their-llama": "HTTP 429", "groq/llama": "HTTP 500"}


def test_the_offer_that_the_tracker_ranks_best_gets_the_call_with_its_own_id(
    world: tuple[httpx.Client, FakeTracker, FakeUpstream, FakeUpstream],
) -> None:
    http, tracker, groq, mistral = world
    tracker.offers["llama"] = best_offers("groq/llama-versatile", "mistral/open-llama")
    ask(http)
    tracker.wait(lambda: tracker.asked[QUESTION] >= 2)
    groq.asked.clear()
    assert ask(http)[:2] == (200, "groq")
    assert groq.asked[-1]["model"] == "llama-versatile"
    groq.status = 404
    assert ask(http)[:2] == (200, "mistral")
    assert mistral.asked[-1]["model"] == "open-llama"


def test_without_a_tracker_the_proxy_continues(
    world: tuple[httpx.Client, FakeTracker, FakeUpstream, FakeUpstream],
) -> None:
    http, tracker, _, _ = world
    tracker.die()
    assert ask(http)[:2] == (200, "mistral")


def test_health_says_where_the_order_comes_from(
    world: tuple[httpx.Client, FakeTracker, FakeUpstream, FakeUpstream],
) -> None:
    http, _, _, _ = world
    health = http.get("/health").json()
    assert (health["order"], health["tracker"]) == (["mistral", "groq"], "polling")
    assert health["age_seconds"] >= 0.0


def test_each_attempt_is_reported_as_it_ended(
    world: tuple[httpx.Client, FakeTracker, FakeUpstream, FakeUpstream],
) -> None:
    http, tracker, _, mistral = world
    mistral.status = 429
    ask(http)
    tracker.wait(lambda: len(tracker.reports) >= 2)
    failed, good = tracker.reports[:2]
    assert (failed["provider"], failed["model"]) == ("mistral", "their-llama")
    assert failed["http_status"] == 429
    assert failed["error"]["message"] == "mistral says 429"
    assert (good["provider"], good["http_status"]) == ("groq", 200)
    assert good["latency_ms"] > 0.0
