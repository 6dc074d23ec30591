"""History and changes: what is asked of the store, what is refused, what the store's faults say."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from api.app import create_app
from api.http.large_answers import SENT
from api.routes.history import HistoryRoutes
from tests.helpers.idle_tracker import NOON, a_provider, a_tracker
from tests.helpers.store_records import check
from tests.helpers.turns import counted_turns
from tracker.core.clock import utc_now
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.records import ChangeKind, ChangeRecord
from tracker.store import (
    Bucket,
    BucketLatency,
    History,
    HistoryTooLarge,
    RawPoint,
    StoreUnavailable,
    open_store,
)

HISTORY = "/api/providers/history"
RAW = History(
    resolution_seconds=None,
    providers={"groq": (RawPoint(NOON, Status.HEALTHY, OutcomeKind.OK, 245.07),), "mistral": ()},
)
BUCKETS = History(
    resolution_seconds=300.0,
    providers={
        "groq": (
            Bucket(NOON, 5, 1, 80.0, BucketLatency(180.04, 244.06, 240.9, 402.7, 911.0)),
            Bucket(NOON + timedelta(seconds=300), 1, 1, 0.0, None),
        )
    },
)


async def get(path: Any, tracker: Any = None) -> tuple[Any, ...]:
    tracker = tracker or a_tracker(a_provider(), a_provider("mistral"))
    response = await create_app(tracker).test_client().get(path)
    return response, json.loads(await response.get_data())


async def test_raw_history_has_one_point_per_check() -> None:
    tracker = a_tracker(a_provider(), a_provider("mistral"))
    tracker.past = RAW
    _, body = await get(HISTORY, tracker)
    assert body == {
        "hours": 24,
        "resolution_seconds": None,
        "providers": {
            "groq": [
                {
                    "timestamp": "2026-03-01T12:00:00.000Z",
                    "status": "healthy",
                    "outcome": "ok",
                    "response_time_ms": 245.1,
                    "error_message": "",
                }
            ],
            "mistral": [],
        },
    }


async def test_history_as_csv_is_a_download() -> None:
    tracker = a_tracker(a_provider(), a_provider("mistral"))
    tracker.past = RAW
    response = await create_app(tracker).test_client().get(f"{HISTORY}?format=csv")
    assert response.content_type == "text/csv; charset=utf-8"
    assert "provider_history.csv" in response.headers["Content-Disposition"]
    assert (await response.get_data()).splitlines()[1].startswith(b"groq,2026-03-01T12:00:00.000Z,")
    refused, body = await get(f"{HISTORY}?format=xml", tracker)
    assert (refused.status_code, body["detail"][:18]) == (400, "format must be one")


async def test_since_and_until_are_passed_to_the_store() -> None:
    tracker = a_tracker(a_provider())
    tracker.past = RAW
    await get(f"{HISTORY}?since=2026-03-01T10:00Z&until=2026-03-01T12:00Z", tracker)
    _, _, options = tracker.asked[-1]
    assert (options["since"], options["until"]) == (NOON - timedelta(hours=2), NOON)


async def test_buckets_have_their_counts_and_latencies() -> None:
    tracker = a_tracker(a_provider())
    tracker.past = BUCKETS
    _, body = await get(f"{HISTORY}/groq?hours=1&resolution=300", tracker)
    assert (body["hours"], body["resolution_seconds"]) == (1, 300.0)
    assert body["providers"]["groq"] == [
        {
            "timestamp": "2026-03-01T12:00:00.000Z",
            "checks": 5,
            "failures": 1,
            "uptime_percent": 80.0,
            "latency_ms": {"min": 180.0, "avg": 244.1, "p50": 240.9, "p95": 402.7, "max": 911.0},
        },
        {
            "timestamp": "2026-03-01T12:05:00.000Z",
            "checks": 1,
            "failures": 1,
            "uptime_percent": 0.0,
            "latency_ms": {"min": None, "avg": None, "p50": None, "p95": None, "max": None},
        },
    ]


@pytest.mark.parametrize(
    ("path", "names", "resolution", "raw"),
    [
        (HISTORY, ("groq", "mistral"), None, False),
        (f"{HISTORY}?resolution=raw", ("groq", "mistral"), None, True),
        (f"{HISTORY}?resolution=60", ("groq", "mistral"), 60, False),
        (f"{HISTORY}/groq?hours=168", ("groq",), None, False),
    ],
)
async def test_the_store_is_queried_for_exactly_the_request(
    path: Any, names: Any, resolution: int | None, raw: bool
) -> None:
    tracker = a_tracker(a_provider(), a_provider("mistral"))
    await get(path, tracker)
    [(_, asked, options)] = tracker.asked
    assert asked == names
    assert (options["resolution"], options["raw"]) == (resolution, raw)


async def test_a_removed_provider_is_not_in_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(str(tmp_path / "status.db")) as store:
        await store.write([check("groq", at=utc_now()), check("gone", at=utc_now())])
        tracker = a_tracker(a_provider(), a_provider("mistral"))
        monkeypatch.setattr(type(tracker), "history", staticmethod(store.history))
        _, body = await get(f"{HISTORY}?hours=168", tracker)
    assert {name: len(points) for name, points in body["providers"].items()} == {
        "groq": 1,
        "mistral": 0,
    }


@pytest.mark.parametrize(
    "hours",
    [
        "0",
        "-5",
        "169",
        "1e12",
        "abc",
        "NaN",
        "1.5",
        "",
        " 5",
        "+5",
        "%D9%A3",
        "99999999999",
        "0x10",
    ],
)
async def test_impossible_hours_are_400_and_name_the_range(hours: str) -> None:
    tracker = a_tracker(a_provider())
    for path in (HISTORY, f"{HISTORY}/groq", "/api/providers/changes"):
        response, body = await get(f"{path}?hours={hours.replace('+', '%2B')}", tracker)
        assert response.status_code == 400
        assert body["detail"].startswith("hours must be a whole number from 1 to 168, got ")
    assert tracker.asked == []


@pytest.mark.parametrize("resolution", ["0", "604801", "Raw", "-1", "1.5", ""])
async def test_an_impossible_resolution_is_400(resolution: str) -> None:
    response, body = await get(f"{HISTORY}?resolution={resolution}")
    assert response.status_code == 400
    assert "resolution must be raw or a whole number from 1 to 604800" in body["detail"]


async def test_hours_given_twice_are_400() -> None:
    response, body = await get(f"{HISTORY}?hours=1&hours=2")
    assert (response.status_code, body["detail"]) == (400, "hours is given 2 times; give it once")


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (StoreUnavailable("the disk is full; free some space"), 503, "the disk is full"),
        (HistoryTooLarge("the answer would hold 600,000 points"), 400, "600,000 points"),
    ],
)
async def test_the_stores_refusals_are_problems(fault: Any, status: int, said: str) -> None:
    tracker = a_tracker(a_provider())
    tracker.fault = fault
    for path in (HISTORY, f"{HISTORY}/groq", "/api/providers/changes"):
        response, body = await get(path, tracker)
        assert (response.status_code, response.content_type) == (status, "application/problem+json")
        assert said in body["detail"]


async def test_a_store_that_takes_too_long_is_504(autojump_clock: MockClock) -> None:
    tracker = a_tracker(a_provider())
    tracker.delay = 11.0
    response, body = await get(HISTORY, tracker)
    assert (response.status_code, trio.current_time()) == (504, pytest.approx(10.0))
    assert body["detail"].startswith("the history was not read within 10 s")


async def test_history_of_an_unknown_provider_is_404() -> None:
    for path in (f"{HISTORY}/nobody", "/api/providers/changes?provider=nobody"):
        response, body = await get(path)
        assert (response.status_code, body["title"]) == (404, "No such provider")


async def test_a_large_history_lets_others_run_while_it_is_encoded() -> None:
    tracker = a_tracker(a_provider())
    point = RawPoint(NOON, Status.HEALTHY, OutcomeKind.OK, 1.0)
    tracker.past = History(resolution_seconds=None, providers={"groq": (point,) * 10_000})
    async with counted_turns() as turns:
        _, body = await get(HISTORY, tracker)
    assert len(body["providers"]["groq"]) == 10_000
    assert turns.taken >= 10


async def test_a_history_of_many_providers_waits_for_few_passes_of_the_loop() -> None:
    """A pass takes milliseconds while many checks are made: it was 4,000 of them."""
    names = [f"p{number}" for number in range(1_000)]
    tracker = a_tracker(*map(a_provider, names))
    point = RawPoint(NOON, Status.HEALTHY, OutcomeKind.OK, 1.0)
    tracker.past = History(resolution_seconds=None, providers=dict.fromkeys(names, (point,)))
    async with counted_turns() as turns:
        _, body = await get(HISTORY, tracker)
    assert set(body["providers"]) == set(names)
    assert turns.taken <= 200


def with_points(count: int) -> Any:
    tracker = a_tracker(a_provider())
    point = RawPoint(NOON, Status.HEALTHY, OutcomeKind.OK, 1.0)
    tracker.past = History(resolution_seconds=None, providers={"groq": (point,) * count})
    return tracker


@pytest.mark.parametrize("shape", ["json", "csv"])
async def test_nothing_of_a_history_is_held_once_it_is_encoded(shape: str) -> None:
    tracker = with_points(2_000)
    response = await create_app(tracker).test_client().get(f"{HISTORY}?format={shape}")
    assert len(await response.get_data()) > 20_000
    [handed_over] = tracker.handed_over
    assert handed_over.providers == {}


async def test_nothing_of_a_history_is_held_when_its_asker_leaves() -> None:
    tracker = with_points(50_000)
    async with create_app(tracker).test_request_context(HISTORY):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(HistoryRoutes(tracker).history)
                while not tracker.handed_over:
                    await trio.lowlevel.checkpoint()
                scope.cancel()
    assert scope.cancelled_caught
    [handed_over] = tracker.handed_over
    assert handed_over.providers == {}


async def test_a_large_history_is_sent_in_pieces_that_are_counted_before() -> None:
    tracker = a_tracker(a_provider())
    point = RawPoint(NOON, Status.HEALTHY, OutcomeKind.OK, 1.0)
    tracker.past = History(resolution_seconds=None, providers={"groq": (point,) * 5_000})
    async with create_app(tracker).test_request_context(HISTORY):
        response = await HistoryRoutes(tracker).history()
        async with response.response as body:
            pieces = [piece async for piece in body]
    assert max(map(len, pieces)) <= SENT
    assert response.headers["Content-Length"] == str(sum(map(len, pieces)))
    assert response.timeout is None


async def test_changes_as_csv_within_a_time_span() -> None:
    tracker = a_tracker(a_provider())
    tracker.changed = (
        ChangeRecord(
            kind=ChangeKind.BEST, at=NOON, provider=None, before=None, after="groq", reason="first"
        ),
    )
    client = create_app(tracker).test_client()
    path = "/api/providers/changes?format=csv&since=2026-03-01&until=2026-03-02&limit=10000"
    response = await client.get(path)
    assert response.headers["Content-Disposition"].endswith('"provider_changes.csv"')
    assert (await response.get_data()).splitlines()[1] == (
        b"2026-03-01T12:00:00.000Z,best,,,groq,first"
    )
    [(_, provider, since, until, limit)] = tracker.asked
    assert (provider, until - since, limit) == (None, timedelta(days=1), 10_000)


@pytest.mark.parametrize(
    "wrong", ["limit=0", "limit=10001", "format=xml", "since=x", "hours=1&since=2026-03-01"]
)
async def test_invalid_parameters_of_changes_are_400(wrong: str) -> None:
    response, _ = await get(f"/api/providers/changes?{wrong}")
    assert response.status_code == 400


async def test_changes_say_what_changed() -> None:
    tracker = a_tracker(a_provider())
    tracker.changed = (
        ChangeRecord(
            kind=ChangeKind.BEST, at=NOON, provider=None, before=None, after="groq", reason="first"
        ),
    )
    _, body = await get("/api/providers/changes?hours=2", tracker)
    assert body == {
        "hours": 2,
        "changes": [
            {
                "timestamp": "2026-03-01T12:00:00.000Z",
                "kind": "best",
                "provider_name": None,
                "before": None,
                "after": "groq",
                "reason": "first",
            }
        ],
    }
