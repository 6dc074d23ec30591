"""The directory of models: it follows lists that change, providers that go, and new aliases."""

from typing import Any

import pytest
import trio

from tests.helpers.idle_tracker import a_provider, a_snapshot
from tracker.runtime import model_directory
from tracker.runtime.model_directory import ModelDirectory

SMALL, LARGE = ("llama-3.1-8b",), ("llama-3.3-70b", "mistral-large")


def offering(**lists: tuple[str, ...]) -> Any:
    return a_snapshot(*(a_provider(name, models=models) for name, models in lists.items()))


async def who_offers(directory: ModelDirectory, snapshot: Any, model: str) -> list[str]:
    match = (await directory.resolver(snapshot)).resolve(model)
    return [] if match is None else sorted(offer.provider for offer in match.offers)


async def test_a_model_is_offered_by_those_that_list_it() -> None:
    directory = ModelDirectory()
    snapshot = offering(groq=LARGE, mistral=LARGE[1:], together=SMALL)
    assert await who_offers(directory, snapshot, "mistral-large") == ["groq", "mistral"]
    assert await who_offers(directory, snapshot, "llama-3.1-8b") == ["together"]


async def test_the_same_lists_are_indexed_once() -> None:
    directory = ModelDirectory()
    snapshot = offering(groq=LARGE)
    assert await directory.resolver(snapshot) is await directory.resolver(snapshot)


async def test_a_new_list_replaces_the_old_one() -> None:
    directory = ModelDirectory()
    await directory.resolver(offering(groq=LARGE))
    snapshot = offering(groq=SMALL)
    assert await who_offers(directory, snapshot, "mistral-large") == []
    assert await who_offers(directory, snapshot, "llama-3.1-8b") == ["groq"]


async def test_a_provider_that_is_no_longer_watched_offers_nothing() -> None:
    directory = ModelDirectory()
    await directory.resolver(offering(groq=LARGE, mistral=LARGE))
    assert await who_offers(directory, offering(mistral=LARGE), "mistral-large") == ["mistral"]


async def test_new_aliases_apply_at_once_and_equal_ones_cause_no_indexing() -> None:
    directory = ModelDirectory()
    snapshot = offering(groq=LARGE)
    before = await directory.resolver(snapshot)
    directory.set_aliases({})
    assert await directory.resolver(snapshot) is before
    directory.set_aliases({"fast": ("groq/llama-3.3-70b",)})
    assert await who_offers(directory, snapshot, "fast") == ["groq"]


async def test_large_lists_are_indexed_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    in_threads: list[object] = []
    run_sync = trio.to_thread.run_sync

    async def watch(job: Any, *arguments: Any) -> Any:
        in_threads.append(job)
        return await run_sync(job, *arguments)

    monkeypatch.setattr(trio.to_thread, "run_sync", watch)
    monkeypatch.setattr(model_directory, "INDEXED_INLINE", len(LARGE) - 1)
    directory = ModelDirectory()
    assert await who_offers(directory, offering(groq=SMALL), "llama-3.1-8b") == ["groq"]
    assert in_threads == []
    assert await who_offers(directory, offering(groq=LARGE), "mistral-large") == ["groq"]
    assert len(in_threads) == 1


async def test_the_resolver_is_current_until_a_list_changes() -> None:
    directory = ModelDirectory()
    groq = a_provider("groq")
    snapshot = a_snapshot(groq)
    assert directory.current(snapshot) is None
    resolver = await directory.resolver(snapshot)
    assert directory.current(snapshot) is resolver
    assert directory.current(a_snapshot(groq)) is resolver  # another snapshot, the same lists
    changed = a_snapshot(a_provider("groq", models=("new",)))
    assert directory.current(changed) is None
    after = await directory.resolver(changed)
    assert directory.current(changed) is after
    assert after.resolve("new") is not None


async def test_a_provider_that_came_or_went_makes_it_old() -> None:
    directory = ModelDirectory()
    await directory.resolver(a_snapshot(a_provider("groq")))
    more = a_snapshot(a_provider("groq"), a_provider("mistral"))
    assert directory.current(more) is None
    await directory.resolver(more)
    assert directory.current(a_snapshot(a_provider("groq"))) is None


async def test_new_aliases_make_it_old() -> None:
    directory = ModelDirectory()
    snapshot = a_snapshot(a_provider("groq"))
    await directory.resolver(snapshot)
    assert directory.current(snapshot) is not None
    directory.set_aliases({"fast": ("groq/groq-only",)})
    assert directory.current(snapshot) is None
