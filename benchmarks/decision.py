"""What one routing decision costs: the client's read from memory, compared with LiteLLM's choice.

    python -m benchmarks.decision [URL]

URL: a running tracker (for instance ``python -m benchmarks.served ours``); then a request over HTTP
with aiohttp is measured too. If litellm is installed, its latency-based strategy is measured as
well; otherwise a message says so.
Each figure is the median of the rounds, with the fastest and slowest beside it, in microseconds.
"""

import asyncio
import importlib.util
import os
import random
import statistics
import sys
import time
import timeit
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

import attrs

from tracker.client import ProviderStatusClient
from tracker.client.cached_ranking import CachedRanking
from tracker.client.listed_models import ListedModels

ROUNDS = 7
SECONDS = 0.1  # a round
QUESTIONS = 3_000


@attrs.frozen
class Figure:
    """Microseconds per decision; ``limit``: what it may cost, None for other programs."""

    what: str
    median: float
    fastest: float
    slowest: float
    limit: float | None = None

    def __str__(self) -> str:
        limit = "" if self.limit is None else f"   (limit {self.limit:g})"
        spread = f"{self.fastest:.2f}-{self.slowest:.2f}"
        return f"{self.what:<62} {self.median:>10.2f} µs  {spread:>19}{limit}"


def measure(what: str, decide: Callable[[], object], limit: float | None = None) -> Figure:
    timer = timeit.Timer(decide)
    calls, seconds = timer.autorange()
    calls = max(1, int(calls * SECONDS / seconds))
    rounds = [seconds / calls * 1e6 for seconds in timer.repeat(ROUNDS, calls)]
    return Figure(what, statistics.median(rounds), min(rounds), max(rounds), limit)


def client_knowing(count: int) -> ProviderStatusClient:
    """Return a client with a ranking in memory; it runs no background task and asks no tracker."""
    client = ProviderStatusClient("http://127.0.0.1:1")
    names = tuple(f"provider-{place:04}" for place in range(count))
    client._memory.models = ListedModels.of({"llama-3.3-70b": frozenset(names[1::2])})
    client._memory.learn(CachedRanking(names=names, weights=(1.0 / count,) * count))
    return client


def ours() -> Iterator[Figure]:
    few, many = client_knowing(15), client_knowing(1000)
    pick, pick_of_many = few.get_healthiest_provider, many.get_healthiest_provider
    names = list(many.ranking())
    yield measure("client, 15 providers", pick, 2.0)
    some = ["provider-0004", *names[9:13]]
    yield measure("client, 15 providers, 5 candidates", lambda: pick(some), 2.0)
    yield measure("client, 15 providers, a model", lambda: pick(model="groq/llama-3.3-70b"), 2.0)
    yield measure("client, 100 providers", client_knowing(100).get_healthiest_provider)
    yield measure("client, 1,000 providers", pick_of_many)
    shuffled = random.Random(1).sample(names, len(names))
    for count in (10, 250, 500, 1000):
        some = shuffled[:count]
        what = f"client, 1,000 providers, a list of {count} candidates"
        yield measure(what, partial(pick_of_many, some), 20.0)
    worst = names[-500:]
    yield measure("client, 1,000 providers, the 500 worst", lambda: pick_of_many(worst), 20.0)
    lists = cycle([worst, worst[::-1]])  # of equal length, each new to the client
    yield measure(
        "client, 1,000 providers, the 500 worst, another list each time",
        lambda: pick_of_many(next(lists)),
    )
    yield measure(
        "client, 1,000 providers, the 500 worst, a set", partial(pick_of_many, set(worst)), 20.0
    )
    yield measure("client, weighted choice among 15", few.choose_weighted)


def over_http(url: str) -> Figure:
    """Measure the time from a request for /best to its JSON, one after the other, keep-alive."""
    import aiohttp  # noqa: PLC0415 (comes with litellm)

    async def ask() -> list[float]:
        taken = []
        async with aiohttp.ClientSession() as session:
            for _ in range(QUESTIONS):
                began = time.perf_counter()
                async with session.get(f"{url}/api/providers/best") as response:
                    await response.json()
                taken.append(1e6 * (time.perf_counter() - began))
        return taken

    taken = asyncio.run(ask())
    what = f"/best over HTTP from aiohttp, p50 of {QUESTIONS}"
    return Figure(what, statistics.median(taken), min(taken), max(taken))


def litellms(count: int) -> Iterator[Figure]:
    """Measure LiteLLM's latency-based strategy; each deployment has ten recorded latencies."""
    # otherwise its import sends requests to the internet
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm  # noqa: PLC0415 (only where it is)

    router = litellm.Router(
        model_list=[_deployment(place) for place in range(count)],
        routing_strategy="latency-based-routing",
    )
    key = "chat_map"
    router.cache.set_cache(
        key, {f"d{place}": {"latency": [0.1 + place / 1e4] * 10} for place in range(count)}
    )
    ask = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}
    yield measure(
        f"LiteLLM, latency-based-routing, {count} deployments, sync",
        lambda: router.get_available_deployment(**ask),
    )
    loop = asyncio.new_event_loop()
    yield measure(
        f"LiteLLM, latency-based-routing, {count} deployments, async",
        lambda: loop.run_until_complete(
            router.async_get_available_deployment(**ask, request_kwargs={})
        ),
    )
    loop.close()


def _deployment(place: int) -> dict[str, Any]:
    params = {"model": f"groq/model-{place}", "api_key": "none"}
    return {"model_name": "chat", "litellm_params": params, "model_info": {"id": f"d{place}"}}


def main() -> int:
    """Return 0 if every figure is within its limit, otherwise 3."""
    figures = list(ours())
    for figure in figures:
        print(figure)
    if len(sys.argv) > 1:
        print(over_http(sys.argv[1]))
    if importlib.util.find_spec("litellm") is None:
        print("LiteLLM is not installed here: pip install litellm in an environment of its own")
    else:
        hundred = next(f for f in figures if f.what == "client, 100 providers")
        for figure in litellms(100):
            print(f"{figure}   {figure.median / hundred.median:,.0f} × ours")
    return 3 if any(f.limit is not None and f.median > f.limit for f in figures) else 0


if __name__ == "__main__":
    raise SystemExit(main())
