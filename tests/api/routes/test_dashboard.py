"""The dashboard's own data, over HTTP."""

import json
from datetime import timedelta
from typing import Any

import attrs
import pytest
from quart import Response

from api.app import create_app
from tests.helpers.idle_tracker import NOON, FakeTracker, a_provider, a_tracker
from tracker.core.incidents import Cause, Incident, IncidentLog
from tracker.core.redaction import Secret
from tracker.core.settings import ClusterSettings
from tracker.runtime.long_history import LongHistory
from tracker.store import Bucket, BucketLatency, History

DATA = "/dashboard/data"


async def get(tracker: FakeTracker, path: str) -> tuple[Response, Any]:
    response = await create_app(tracker).test_client().get(DATA + path)
    return response, json.loads(await response.get_data())


async def test_the_overview_is_the_streams_first_event_and_names_the_page() -> None:
    client = create_app(a_tracker(a_provider())).test_client()
    overview = json.loads(await (await client.get(f"{DATA}/overview")).get_data())
    page = await (await client.get("/")).get_data()
    assert f'data-version="{overview["page"]}"'.encode() in page
    assert overview["best"]["best_provider"] == "groq"


async def test_strips_have_the_cells_of_the_providers_asked_for() -> None:
    tracker = a_tracker(a_provider(), a_provider("mistral"))
    latency = BucketLatency(min=1.0, avg=2.04, p50=2.0, p95=3.0, max=4.0)
    buckets = (
        Bucket(at=NOON, checks=3, failures=1, uptime_percent=66.667, latency=latency),
        Bucket(at=NOON + timedelta(hours=2), checks=1, failures=1, uptime_percent=0, latency=None),
    )
    tracker.past = History(resolution_seconds=7200.0, providers={"groq": buckets})
    response, body = await get(tracker, "/strips?hours=168&name=groq&name=gone")
    assert response.status_code == 200
    cell = int(NOON.timestamp()) // 7200
    assert body["providers"] == {
        "groq": {
            "slow": 1000.0,
            "cells": [[cell, 3, 1, 66.67, 2.0, 3.0], [cell + 1, 1, 1, 0, None, None]],
        }
    }
    asked = tracker.asked[-1]
    assert (asked[1], asked[2]["resolution"]) == (("groq",), 7200)


@pytest.mark.parametrize(
    "query",
    ["hours=2&name=groq", "hours=24", "name=nobody", "names=groq", "hours=24&name=groq&x=1"],
)
async def test_strips_refuse_what_they_do_not_understand(query: str) -> None:
    response, body = await get(a_tracker(a_provider()), f"/strips?{query}")
    assert (response.status_code, body["status"]) == (400, 400)


async def test_strips_of_too_many_providers_at_once_are_refused() -> None:
    tracker = a_tracker(*(a_provider(f"p{n}") for n in range(100)))
    names = "&".join(f"name=p{n}" for n in range(100))
    assert (await get(tracker, f"/strips?{names}"))[0].status_code == 400


async def test_models_are_found_by_a_part_of_the_name() -> None:
    tracker = a_tracker(a_provider(models=("llama-3.3-70b-versatile", "whisper-large-v3")))
    _, body = await get(tracker, "/models?search=llama%203.3")
    assert body == {
        "known": 2,
        "found": 1,
        "models": [{"model": "llama-3.3-70b", "providers": 1, "usable": 1}],
    }
    assert (await get(tracker, "/models?search=" + "a" * 201))[0].status_code == 400


async def test_one_provider_in_full_with_its_incidents_and_where_it_is() -> None:
    tracker = a_tracker(a_provider(), a_provider("mistral", response_time_ms=9.0))
    secret = "hunter22"
    config = tracker.config
    moved = attrs.evolve(config.providers[0], base_url=f"https://me:{secret}@groq.test/v1")
    tracker.config = attrs.evolve(config, providers=(moved, config.providers[1]))
    incident = Incident(
        id="1",
        cause=Cause.PROVIDER,
        subject="groq",
        provider="groq",
        opened_at=NOON,
        noticed_at=NOON,
        summary="groq is down",
    )
    other = attrs.evolve(incident, id="2", subject="mistral", provider="mistral")
    log = IncidentLog(incidents=(incident, other))
    tracker.board.post(attrs.evolve(tracker.snapshot, revision=2, incidents=log))
    _, body = await get(tracker, "/provider/groq")
    assert body["provider"]["provider_name"] == "groq"
    assert (body["place"], body["usable"]) == (2, 2)
    assert [each["id"] for each in body["incidents"]] == ["1"]
    assert body["about"]["base_url"] == "https://groq.test/v1"
    assert body["about"]["status_page"] == "https://groqstatus.com"
    assert secret not in json.dumps(body)


async def test_a_moved_provider_has_no_status_page_of_the_catalogues() -> None:
    tracker = a_tracker(a_provider())
    moved = attrs.evolve(tracker.config.providers[0], moved=True)
    tracker.config = attrs.evolve(tracker.config, providers=(moved,))
    assert (await get(tracker, "/provider/groq"))[1]["about"]["status_page"] is None


async def test_an_unknown_provider_is_not_found() -> None:
    assert (await get(a_tracker(a_provider()), "/provider/nobody"))[0].status_code == 404


async def test_dashboard_paths_are_not_in_the_openapi_document() -> None:
    response = await create_app(a_tracker()).test_client().get("/openapi.json")
    assert not [path for path in (await response.get_json())["paths"] if "dashboard" in path]


async def test_a_month_is_read_from_the_hub_and_says_so() -> None:
    tracker = a_tracker(a_provider())
    hub = ClusterSettings(url=Secret("postgresql://127.0.0.1/hub"), vantage="eu")
    tracker.config = attrs.evolve(tracker.config, cluster=hub)
    bucket = Bucket(at=NOON, checks=3, failures=0, uptime_percent=100.0, latency=None)
    past = History(resolution_seconds=21600.0, providers={"groq": (bucket,)})
    tracker.long_past = LongHistory(history=past, away="it does not answer")
    response, body = await get(tracker, "/strips?hours=720&name=groq")
    assert response.status_code == 200
    assert tracker.asked[-1][0] == "long_history"
    assert body["providers"]["groq"]["cells"][0][1] == 3
    assert "it does not answer" in json.dumps(body)


async def test_a_month_without_the_hub_is_the_trackers_own_history() -> None:
    tracker = a_tracker(a_provider())
    hub = ClusterSettings(url=Secret("postgresql://127.0.0.1/hub"), vantage="eu")
    tracker.config = attrs.evolve(tracker.config, cluster=hub)
    response, _ = await get(tracker, "/strips?hours=720&name=groq")
    assert response.status_code == 200
    assert [asked[0] for asked in tracker.asked] == ["long_history", "history"]
