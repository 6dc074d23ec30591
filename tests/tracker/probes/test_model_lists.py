"""tracker.probes.model_lists: model lists in every shape."""

from datetime import date
from typing import Any

import pytest
import trio

from tests.helpers.turns import counted_turns
from tracker.probes.http.response import parse_json
from tracker.probes.model_lists import MOST, SLICE, read_models


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ([{"id": "a"}, {"id": "a"}, {"id": "b"}], ("a", "b")),
        ({"models": [{"name": "models/gemini-x"}]}, ("gemini-x",)),
        ({"data": [{"id": "x" * 300}, {"id": "\x00"}, {"id": "ok"}]}, ("ok",)),
        ({"data": [{"id": ""}]}, None),
        ({"data": [{"model": "anthropic/claude"}]}, ("anthropic/claude",)),
        ({"data": [{"id": "a", "type": ["chat"]}]}, ("a",)),
        ({"data": None}, ()),
        ({}, None),
        ("a", None),
    ],
)
async def test_reading_a_list(body: list[Any] | dict[str, Any] | str, names: Any) -> None:
    found = await read_models(body)
    assert (found and found.names) == names


async def test_a_gemini_model_that_only_embeds_is_not_asked_to_chat() -> None:
    entries = [
        {"name": "models/x-1", "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/y-1", "supportedGenerationMethods": ["generateContent"]},
    ]
    assert (await read_models({"models": entries})).chat == ("y-1",)


async def test_other_tasks_run_while_a_long_list_is_read() -> None:
    body = {"data": [{"id": f"{number}-model"} for number in range(2 * MOST)]}
    async with counted_turns() as turns:
        found = await read_models(body)
    assert len(found.names) == MOST
    assert turns.taken >= MOST // SLICE - 2  # which task is first in trio's passes is random


def registered(name: object, task: str, **properties: str) -> dict[str, Any]:
    """An entry of Cloudflare's registry."""
    told = [{"property_id": key, "value": value} for key, value in properties.items()]
    return {"id": "429b9e8b", "name": name, "task": {"name": task}, "properties": told}


async def test_cloudflares_registry_tells_names_tasks_and_announced_ends() -> None:
    llama = registered("@cf/meta/llama-3.1-8b-instruct", "Text Generation", context_window="7968")
    image = registered(
        "@cf/x/painter", "Text-to-Image", planned_deprecation_date="2026-12-31 00:00:00"
    )
    found = await read_models({"success": True, "result": [llama, image]})
    assert found is not None
    assert found.names == ("@cf/meta/llama-3.1-8b-instruct", "@cf/x/painter")
    assert found.chat == ("@cf/meta/llama-3.1-8b-instruct",)
    assert found.retiring == {"@cf/x/painter": date(2026, 12, 31)}
    assert found.tasks == {"@cf/x/painter": "image generation"}
    odd = await read_models({"result": [registered(None, ""), registered(7, ""), llama]})
    assert odd is not None
    assert (odd.names, odd.left_out) == (("@cf/meta/llama-3.1-8b-instruct",), 2)
    assert await read_models({"result": [registered(None, "")]}) is None
    assert await read_models({"result": [7]}) is None
    assert await read_models({"result": {"status": "active"}}) is None


async def test_a_type_that_names_another_task_is_read_and_an_unknown_one_ignored() -> None:
    types = {"a": "embedding", "b": "rerank", "c": "chat", "d": "text-llm", "e": ["image"], "f": 7}
    found = await read_models(
        {"data": [{"id": name, "type": kind} for name, kind in types.items()]}
    )
    assert found is not None
    assert found.tasks == {"a": "embeddings", "b": "reranking"}


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "old", "expiration_date": "2026-12-31"},  # OpenRouter
        {"id": "old", "deprecation": "2026-12-31T12:00:00Z"},  # Mistral
    ],
)
async def test_an_announced_end_is_read_from_the_list(entry: dict[str, Any]) -> None:
    odd = [{"id": "new", "expiration_date": None}, {"id": "odd", "deprecation": "soon"}]
    found = await read_models({"data": [entry, *odd, {"id": "many", "deprecation": [1]}]})
    assert found is not None
    assert found.retiring == {"old": date(2026, 12, 31)}


async def test_a_dozen_long_lists_at_once_are_read_a_slice_in_each_pass_of_the_loop() -> None:
    class CountingList(list[Any]):
        """Counts the slices that are taken of it."""

        def __getitem__(self, where: Any) -> Any:
            found = super().__getitem__(where)
            if isinstance(where, slice) and where.stop is not None and where.start is not None:
                taken.append(passes)
            return found if not isinstance(where, slice) else CountingList(found)

    taken: list[int] = []
    passes = 0
    lists = [CountingList({"id": f"m{n}"} for n in range(10 * SLICE)) for _ in range(12)]
    async with trio.open_nursery() as nursery:
        for entries in lists:
            nursery.start_soon(read_models, entries)
        while len(taken) < 12 * 10:
            passes += 1
            await trio.lowlevel.checkpoint()
    later = [one for one in taken if one > 2]  # all begin at once
    assert max(map(later.count, later)) <= 2


@pytest.mark.parametrize(
    "odd", [rb'"id": "b\ud800"', rb'"id": "b", "about": "\udc00"', b'"id": "\xc3"']
)
async def test_half_a_character_in_one_entry_leaves_the_list_as_it_is(odd: bytes) -> None:
    """An id with one is left out: no request could name it."""
    body = b'{"data": [{"id": "a"}, {%s}, {"id": "c"}]}' % odd
    models = await read_models(parse_json(body))
    assert models is not None
    assert models.names == (("a", "b", "c") if b"about" in odd else ("a", "c"))


ODD = ["x" * 201, "a\x00", "\ufffd", "", 7, None, ["a"], {"id": "a"}, True, 10**400]


@pytest.mark.parametrize("odd", ODD, ids=lambda each: str(each)[:9])
async def test_odd_entries_are_left_out_and_counted(odd: object) -> None:
    body = {"data": [{"id": "a"}, {"id": odd}, odd, {"id": "c"}]}
    found = await read_models(body)
    assert found is not None
    names = ("a", "c")
    assert found.names == names
    assert found.left_out == (1 if odd == {"id": "a"} else 2)


async def test_what_is_beyond_the_longest_list_is_counted() -> None:
    found = await read_models([{"id": f"m{number}"} for number in range(MOST + 3)])
    assert found is not None
    assert (len(found.names), found.left_out) == (MOST, 3)


@pytest.mark.parametrize("number", [b"9" * 5_000, b"1e999", b"NaN", b"[7]"])
async def test_a_number_beyond_all_bounds_spoils_one_entry(number: bytes) -> None:
    body = b'{"data": [{"id": "a"}, {"id": %s}, {"id": "b", "created": %s}]}' % (number, number)
    found = await read_models(parse_json(body))
    assert found is not None
    assert (found.names, found.left_out) == (("a", "b"), 1)
