"""Who offers which model: ``/api/models``, and ``/best?model=``."""

import json
from datetime import date
from typing import Any

import attrs
import pytest
import trio
from quart import Response

from api import present_answers
from api.app import create_app
from api.http import large_answers
from api.http.response_cache import CachedResponse, ResponseCache
from api.present_answers import RANKED_INLINE, PresentAnswers
from tests.helpers.idle_tracker import NOON, a_provider, a_tracker
from tracker.core.outcomes import Status
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus

LLAMA = "llama-3.3-70b-versatile"
OFFER = OfferStatus(
    model=LLAMA,
    variant="versatile",
    status=Status.HEALTHY,
    usable=True,
    reason="last check ok in 300 ms",
    evidence=EvidenceSource.OFFER,
    ttft_ms=120.0,
)
GROQ = attrs.evolve(a_provider("groq", models=(LLAMA, "whisper-large-v3")), offers=(OFFER,))
TOGETHER = a_provider("together", models=("meta-llama/Llama-3.3-70B-Instruct-Turbo",))


async def get(path: str, *providers: ProviderStatus) -> tuple[Response, Any]:
    response = await create_app(a_tracker(*providers)).test_client().get(path)
    return response, json.loads(await response.get_data())


async def test_a_model_is_found_by_its_common_name_best_offer_first() -> None:
    response, body = await get("/api/models/llama-3.3-70b", GROQ, TOGETHER)
    assert response.status_code == 200
    assert body["model"] == "llama-3.3-70b"
    assert [(o["provider_name"], o["model"], o["evidence"]) for o in body["offers"]] == [
        ("groq", LLAMA, "offer"),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "provider"),
    ]
    assert body["offers"][0]["ttft_ms"] == 120.0
    assert body["offers"][1]["reason"].startswith("listed, not checked; together: ")


async def test_the_list_has_every_model_by_name() -> None:
    response, body = await get("/api/models", GROQ, TOGETHER)
    assert response.status_code == 200
    assert {each["model"]: len(each["offers"]) for each in body["models"]} == {
        "llama-3.3-70b": 2,
        "whisper-large-v3": 1,
    }


async def test_an_announced_end_is_shown_for_watched_and_listed_offers() -> None:
    ends = {LLAMA: date(2026, 12, 31), "whisper-large-v3": date(2027, 1, 15)}
    watched = attrs.evolve(OFFER, retires_on=ends[LLAMA], status_since=NOON)
    groq = attrs.evolve(GROQ, retiring=ends, offers=(watched,))
    _, body = await get("/api/models", groq)
    told = {each["offers"][0]["model"]: each["offers"][0] for each in body["models"]}
    assert {model: offer["retires_on"] for model, offer in told.items()} == {
        LLAMA: "2026-12-31",
        "whisper-large-v3": "2027-01-15",
    }
    assert told[LLAMA]["status_since"] == "2026-03-01T12:00:00.000Z"
    _, one = await get("/api/providers/status/groq", groq)
    assert one["offers"][0]["retires_on"] == "2026-12-31"


async def test_long_lists_are_sorted_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_answers, "SORTED", 50)
    names = [f"m{number:05}" for number in range(1_001)]
    shuffled = names[1::2] + names[::2]
    for path, key in (("/api/models", "model"), ("/api/providers/models", None)):
        _, body = await get(path, a_provider("groq", models=tuple(shuffled)))
        assert [each[key] if key else each for each in body["models"]] == names


async def test_a_model_not_for_chat_is_marked_and_not_usable() -> None:
    _, body = await get("/api/models/whisper-large-v3", GROQ)
    (offer,) = body["offers"]
    assert not offer["usable"]
    assert offer["reason"].startswith("not for chat")


@pytest.mark.parametrize(
    "path", ["/api/models/lama-3.3-70b", "/api/providers/best?model=lama-3.3-70b"]
)
async def test_an_unknown_model_is_a_404_with_the_nearest_names(path: str) -> None:
    response, body = await get(path, GROQ)
    assert response.status_code == 404
    assert "the nearest names are llama-3.3-70b" in body["detail"]


async def test_best_ranks_the_offers_and_gives_the_id_to_send() -> None:
    response, body = await get("/api/providers/best?model=Llama-3.3-70B", GROQ, TOGETHER)
    assert response.status_code == 200
    assert (body["best_provider"], body["best_model"]) == ("groq", LLAMA)
    assert {(line["provider_name"], line["variant"]) for line in body["ranking"]} == {
        ("groq", "versatile"),
        ("together", "instruct-turbo"),
    }


async def test_candidates_may_name_single_offers() -> None:
    path = f"/api/providers/best?model=llama-3.3-70b&candidates=groq/{LLAMA}"
    _, body = await get(path, GROQ, TOGETHER)
    assert [line["provider_name"] for line in body["ranking"]] == ["groq"]
    response, body = await get(
        "/api/providers/best?model=llama-3.3-70b&candidates=nobody", GROQ, TOGETHER
    )
    assert (response.status_code, body["reason"]) == (
        503,
        "None of the candidates offers the model.",
    )


async def test_candidates_alone_rank_the_offers_they_name_and_providers_as_a_whole() -> None:
    path = "/api/providers/best?candidates=groq/llama-3.3-70b,together/unlisted,third"
    _, body = await get(path, GROQ, TOGETHER, a_provider("third"))
    assert {(line["provider_name"], line["model"]) for line in body["ranking"]} == {
        ("groq", LLAMA),
        ("together", "unlisted"),
        ("third", None),
    }
    _, body = await get(
        f"{path}&exclude=together,groq/{LLAMA}", GROQ, TOGETHER, a_provider("third")
    )
    assert [line["provider_name"] for line in body["ranking"]] == ["third"]


async def test_a_model_not_for_chat_is_never_best() -> None:
    response, body = await get("/api/providers/best?model=whisper-large-v3", GROQ)
    assert response.status_code == 503
    assert [(one["model"], one["reason"]) for one in body["excluded"]] == [
        ("whisper-large-v3", "not for chat (speech)")
    ]


async def test_a_listed_image_model_is_never_best_and_is_marked() -> None:
    lists = a_provider("third", models=("easel-2",))
    third = attrs.evolve(lists, tasks={"easel-2": "image generation"})
    response, body = await get("/api/providers/best?model=easel-2", third)
    assert response.status_code == 503
    assert [one["reason"] for one in body["excluded"]] == ["not for chat (image generation)"]
    _, body = await get("/api/models/easel-2", third)
    assert [offer["usable"] for offer in body["offers"]] == [False]


async def test_a_provider_that_is_down_takes_its_offers_with_it() -> None:
    down = attrs.evolve(TOGETHER, status=Status.DOWN, usable=False, reason="3 checks failed")
    _, body = await get("/api/providers/best?model=llama-3.3-70b", GROQ, down)
    assert [line["provider_name"] for line in body["ranking"]] == ["groq"]
    assert [(e["provider_name"], e["reason"]) for e in body["excluded"]] == [
        ("together", "3 checks failed")
    ]


async def test_many_offers_are_ranked_in_the_ordinary_route_to_the_same_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [f"p{number:03}" for number in range(RANKED_INLINE + 1)]
    tracker = a_tracker(*(a_provider(name, models=("llama-3.3-70b",)) for name in names))
    present = PresentAnswers(tracker, ResponseCache())
    given = {"model": ["llama-3.3-70b"]}
    assert present.best(given) is None  # the fast path leaves it to the ordinary route
    answers: list[CachedResponse] = []

    async def ask() -> None:
        answers.append(await present.best_in_time(given))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    slowly = answers[0]
    assert all(answer is slowly for answer in answers)  # ranked and encoded once
    assert present.best(given) is slowly  # kept
    assert await present.best_in_time(given) is slowly
    monkeypatch.setattr(present_answers, "RANKED_INLINE", len(names))
    at_once = PresentAnswers(tracker, ResponseCache()).best(given)
    assert at_once is not None
    assert slowly.body == at_once.body
    assert len(json.loads(slowly.body)["ranking"]) == len(names)
