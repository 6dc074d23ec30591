"""The paths of the cluster: what a tracker alone answers, and one of many."""

import json
from typing import Any

import pytest
from quart import Response

from api.app import create_app
from tests.helpers.idle_tracker import NOON, FakeTracker, a_provider, a_tracker
from tracker.core.cluster import ClusterMember, ClusterReport
from tracker.runtime.long_history import LongHistory
from tracker.store import Bucket, BucketLatency, History, StoreUnavailable

REPORT = ClusterReport(
    vantage="eu",
    hub_up=False,
    reason="the hub does not answer",
    alone=True,
    members=(
        ClusterMember(vantage="eu", url="http://one", version="0.1.0", leases=3, ourselves=True),
        ClusterMember(vantage="us", url="http://two", version="0.1.0", leases=0, ourselves=False),
    ),
    leases=3,
    lag=7,
    skew_seconds=1.23456,
    problems=("the hub does not answer",),
)
LATENCY = BucketLatency(min=1.0, avg=2.0, p50=2.0, p95=3.0, max=4.0)
DAY = Bucket(at=NOON, checks=4, failures=1, uptime_percent=75.0, latency=LATENCY)


def a_member(**changes: Any) -> FakeTracker:
    """A tracker of a cluster whose hub knows one day of groq."""
    tracker = a_tracker(a_provider())
    past = History(resolution_seconds=21600.0, providers={"groq": (DAY,)})
    tracker.cluster, tracker.long_past = REPORT, LongHistory(history=past, **changes)
    return tracker


async def get(tracker: FakeTracker, path: str, **headers: str) -> tuple[Response, bytes]:
    response = await create_app(tracker).test_client().get(path, headers=headers)
    return response, await response.get_data(as_text=False)


@pytest.mark.parametrize("path", ["/api/cluster", "/api/cluster/history/groq"])
async def test_a_tracker_without_a_cluster_answers_why(path: str) -> None:
    response, body = await get(a_tracker(a_provider()), path)
    assert response.status_code == 404
    assert "its configuration has no [cluster]" in json.loads(body)["detail"]


async def test_the_cluster_is_shown_with_its_members_and_problems() -> None:
    response, body = await get(a_member(), "/api/cluster")
    shown = json.loads(body)
    assert response.status_code == 200
    assert [member["url"] for member in shown["members"]] == ["http://one", "http://two"]
    assert (shown["hub_up"], shown["lag"], shown["skew_seconds"]) == (False, 7, 1.235)
    assert shown["problems"] == ["the hub does not answer"]


@pytest.mark.parametrize(("days", "seconds"), [(7, 3600), (8, 21600), (30, 21600), (90, 86400)])
async def test_a_longer_time_span_has_larger_buckets(days: int, seconds: int) -> None:
    tracker = a_member()
    response, body = await get(tracker, f"/api/cluster/history/groq?days={days}")
    assert response.status_code == 200
    assert json.loads(body)["resolution_seconds"] == seconds
    (_, names, options) = tracker.asked[-1]
    assert (names, options["seconds"]) == (("groq",), seconds)


async def test_long_history_says_why_the_hub_is_not_in_it() -> None:
    response, body = await get(a_member(away="it does not answer"), "/api/cluster/history/groq")
    shown = json.loads(body)
    assert shown["hub"] == {"up": False, "reason": "it does not answer"}
    assert [point["checks"] for point in shown["providers"]["groq"]] == [4]
    known, nothing = await get(
        a_member(away="it does not answer"),
        "/api/cluster/history/groq",
        **{"If-None-Match": response.headers["ETag"]},
    )
    assert (known.status_code, nothing) == (304, b"")


async def test_long_history_as_csv_is_a_file_of_the_same_buckets() -> None:
    response, body = await get(a_member(), "/api/cluster/history/groq?format=csv")
    assert response.content_type == "text/csv; charset=utf-8"
    assert 'filename="provider_history.csv"' in response.headers["Content-Disposition"]
    head, line = body.decode().splitlines()
    assert head.startswith("provider")
    assert line.startswith("groq,")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/cluster/history/nobody", 404),
        ("/api/cluster/history/groq?days=0", 400),
        ("/api/cluster/history/groq?days=91", 400),
        ("/api/cluster/history/groq?format=xml", 400),
        ("/api/cluster/history/groq?hours=3", 400),
        ("/api/cluster?x=1", 400),
    ],
)
async def test_invalid_parameters_are_refused(path: str, status: int) -> None:
    response, body = await get(a_member(), path)
    assert (response.status_code, json.loads(body)["status"]) == (status, status)


async def test_an_unavailable_store_is_answered_503() -> None:
    tracker = a_member()
    tracker.fault = StoreUnavailable("the disk is gone")
    response, body = await get(tracker, "/api/cluster/history/groq")
    assert response.status_code == 503
    assert "the disk is gone" in json.loads(body)["detail"]


async def test_the_dashboard_without_a_cluster_offers_no_month() -> None:
    response, body = await get(a_member(), "/dashboard/data/strips?hours=720&name=groq")
    assert response.status_code == 400
    assert "hours must be" in json.loads(body)["detail"]
