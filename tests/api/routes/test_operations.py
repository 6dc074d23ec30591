"""The tracker's own state, its signs of life, metrics, pages and badges."""

import json
import re
import xml.dom.minidom
from typing import Any

import attrs
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text

from api.app import create_app
from api.exports.badges import badge_of, draw
from api.exports.provider_families import MOST_LIMITS
from tests.helpers.idle_tracker import NOON, a_bare_provider, a_condition, a_provider, a_tracker
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import RateLimit
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.traffic import ProviderTrafficView, TrafficEvidence, TrafficTotal
from tracker.runtime.diagnostics import DatabaseHealth

AWAY = DatabaseHealth(state="unavailable", reason="the disk is full", buffered=7, dropped=1)


async def get(path: Any, tracker: Any = None, **headers: Any) -> tuple[Any, ...]:
    tracker = tracker or a_tracker(a_provider(), a_bare_provider())
    response = await create_app(tracker).test_client().get(path, headers=headers)
    return response, await response.get_data()


async def test_health_shows_the_database_and_every_actor() -> None:
    tracker = a_tracker(a_provider())
    tracker.condition = a_condition(status="degraded", problems=("disk",), database=AWAY)
    response, body = await get("/api/providers/health", tracker)
    health = json.loads(body)
    assert response.status_code == 200
    assert (health["status"], health["running"], health["providers_monitored"]) == (
        "degraded",
        True,
        2,
    )
    assert health["database"] == {
        "state": "unavailable",
        "reason": "the disk is full",
        "buffered": 7,
        "dropped": 1,
    }
    assert health["actors"]["groq"] == {
        "state": "running",
        "restarts": 1,
        "last_heartbeat": "2026-03-01T12:00:00.000Z",
        "overdue_seconds": 0.0,
    }


@pytest.mark.parametrize(
    ("condition", "livez", "readyz"),
    [
        ({}, 200, 200),
        ({"status": "degraded", "database": AWAY}, 200, 200),
        ({"status": "failing", "problems": ("it hangs",)}, 503, 200),
        ({"ready": False}, 200, 503),
    ],
)
async def test_livez_and_readyz_answer_by_the_trackers_state(
    condition: dict[str, Any], livez: int, readyz: int
) -> None:
    tracker = a_tracker(a_provider())
    tracker.condition = a_condition(**condition)
    for path, status in (("/livez", livez), ("/readyz", readyz)):
        response, body = await get(path, tracker)
        assert response.status_code == status
        assert json.loads(body)["ok"] is (status == 200)


async def samples(
    tracker: Any = None, accept: str = "application/openmetrics-text; version=1.0.0"
) -> tuple[Any, ...]:
    headers = {} if accept is None else {"Accept": accept}
    response, body = await get("/metrics", tracker, **headers)
    parse = parse_open if "openmetrics" in response.content_type else parse_text
    found = {}
    for family in parse(body.decode()):
        for sample in family.samples:
            found[(sample.name, *(v for _, v in sorted(sample.labels.items())))] = sample.value
    return response, found


async def test_metrics_are_those_of_the_snapshot() -> None:
    provider = a_provider(outcome_counts=((OutcomeKind.OK, 3), (OutcomeKind.TIMEOUT, 1)))
    response, found = await samples(a_tracker(provider, a_bare_provider()))
    assert response.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert found["probe_success", "groq"] == 1.0
    assert found["probe_duration_seconds", "groq"] == pytest.approx(0.24507)
    assert found["llm_provider_state", "groq", "healthy"] == 1.0
    assert found["llm_provider_state", "groq", "down"] == 0.0
    assert found["llm_provider_probes_total", "ok", "groq"] == 3.0
    assert found["llm_provider_probes_total", "timeout", "groq"] == 1.0
    assert found["llm_provider_uptime_ratio", "groq"] == pytest.approx(0.998)
    assert found["llm_provider_limit", "requests", "groq"] == 1000.0
    assert found["llm_provider_limit_remaining", "requests", "groq"] == 550.0
    assert found["llm_provider_ranking_position", "groq"] == 1.0
    assert found["llm_provider_last_probe_timestamp_seconds", "groq"] == NOON.timestamp() - 30
    assert found["llm_tracker_writer_restarts_total",] == 2.0
    assert found["llm_tracker_up",] == 1.0
    assert [name for name in found if name[0] == "llm_tracker_build_info"]
    assert found["llm_tracker_alerts_sent_total", "opened"] == 0.0
    assert found["llm_tracker_incidents_opened_total",] == 0.0
    assert found["llm_tracker_snapshot_timestamp_seconds",] == NOON.timestamp()
    told = (await response.get_data()).decode()
    assert "# HELP llm_tracker_snapshot_timestamp_seconds Unix time of the snapshot" in told


async def test_an_unknown_value_has_no_sample() -> None:
    _, found = await samples(a_tracker(a_bare_provider()))
    assert found["llm_provider_state", "new", "unknown"] == 1.0
    for name in ("probe_success", "probe_duration_seconds", "llm_provider_uptime_ratio"):
        assert (name, "new") not in found
    assert ("llm_provider_ranking_position", "new") not in found


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/openmetrics-text; version=1.0.0"),
        ("", "application/openmetrics-text; version=1.0.0"),
        ("*/*", "application/openmetrics-text; version=1.0.0"),
        ("text/html,*/*;q=0.8", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text; version=a.b", "application/openmetrics-text"),
        ("application/openmetrics-text;version=0.0.1,text/plain", "application/openmetrics-text"),
        (";;;,", "application/openmetrics-text; version=1.0.0"),
        ("text/plain", "text/plain; version=0.0.4"),
        ("text/plain; version=x, */*;q=0.1", "text/plain; version=0.0.4"),
        ("Text/Plain;q=0.5", "text/plain; version=0.0.4"),
    ],
)
async def test_metrics_are_openmetrics_unless_only_text_is_named(
    accept: str | None, kind: str
) -> None:
    response, found = await samples(accept=accept)
    assert response.status_code == 200
    assert response.content_type.startswith(kind)
    assert found["llm_tracker_up",] == 1.0
    assert [name for name in found if name[0] == "llm_tracker_build_info"]
    assert found["llm_tracker_snapshot_timestamp_seconds",] == NOON.timestamp()
    told = (await response.get_data()).decode()
    assert "# HELP llm_tracker_snapshot_timestamp_seconds Unix time of the snapshot" in told


async def test_a_hostile_name_does_not_break_metrics() -> None:
    name = 'a"b\\c\nd{}=,é'
    _, found = await samples(a_tracker(a_provider(name)))
    assert found["probe_success", name] == 1.0


@pytest.mark.parametrize(
    ("show", "message"), [("status", "healthy"), ("uptime", "99.80 %"), ("latency", "245 ms")]
)
async def test_badges_show_the_requested_value(show: str, message: str) -> None:
    response, body = await get(f"/badge/groq.svg?show={show}")
    assert response.content_type == "image/svg+xml"
    assert response.headers["Cache-Control"] == "max-age=60"
    assert "ETag" in response.headers
    texts = [
        t.firstChild.data for t in xml.dom.minidom.parseString(body).getElementsByTagName("text")
    ]
    assert texts == ["groq", message]
    _, shield = await get(f"/badge/groq.json?show={show}")
    assert json.loads(shield)["message"] == message
    assert json.loads(shield)["schemaVersion"] == 1


@pytest.mark.parametrize("show", ["uptime", "latency"])
async def test_a_badge_says_unknown_for_an_unknown_value(show: str) -> None:
    _, body = await get(f"/badge/new.json?show={show}")
    assert json.loads(body)["message"] == "unknown"


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize(
    "name", ["groq", '<script>alert("x")</script>', "a&b", "\x00\x1b", "é" * 99]
)
def test_a_badge_is_well_formed_whatever_the_name(name: str, status: Any) -> None:
    svg = draw(badge_of(a_provider(name, status=status), "status"))
    assert not xml.dom.minidom.parseString(svg).getElementsByTagName("script")


async def test_a_badge_of_an_unknown_provider_or_kind_is_refused() -> None:
    assert (await get("/badge/nobody.svg"))[0].status_code == 404
    assert (await get("/badge/groq.svg?show=all"))[0].status_code == 400
    assert (await get("/badge/groq.png"))[0].status_code == 404


async def test_the_documentation_needs_no_other_host_and_no_script() -> None:
    response, body = await get("/docs")
    page = body.decode()
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    for path in ("/api/providers/best", "/api/providers/{name}/check", "/metrics"):
        assert f"<code>{path}</code>" in page
    assert (await get("/docs/style.css"))[0].content_type == "text/css; charset=utf-8"


async def test_openapi_has_every_path_of_the_contract() -> None:
    _, body = await get("/openapi.json")
    document = json.loads(body)
    assert document["openapi"] == "3.1.0"
    assert sorted(document["paths"]) == [
        "/api/alerts/test",
        "/api/cluster",
        "/api/cluster/history/{name}",
        "/api/incidents",
        "/api/incidents/{id}/acknowledge",
        "/api/maintenance",
        "/api/models",
        "/api/models/{name}",
        "/api/providers/best",
        "/api/providers/changes",
        "/api/providers/check",
        "/api/providers/events",
        "/api/providers/export/csv",
        "/api/providers/health",
        "/api/providers/history",
        "/api/providers/history/{name}",
        "/api/providers/models",
        "/api/providers/status",
        "/api/providers/status/{name}",
        "/api/providers/traffic",
        "/api/providers/traffic/{name}",
        "/api/providers/{name}",
        "/api/providers/{name}/check",
        "/api/providers/{name}/mute",
        "/api/reports",
        "/badge/{name}.json",
        "/badge/{name}.svg",
        "/livez",
        "/metrics",
        "/readyz",
    ]
    best = document["paths"]["/api/providers/best"]["get"]
    assert set(best["responses"]) == {"200", "304", "400", "404", "503"}
    assert [p["name"] for p in best["parameters"]] == ["candidates", "exclude", "model", "vantage"]
    views = [view for path in document["paths"].values() for view in path.values()]
    parameters = [one for view in views for one in view.get("parameters", ())]
    defaults = {(p["name"], p["schema"]["default"]) for p in parameters if "default" in p["schema"]}
    # The others do nothing but when given.
    known = {("hours", 24), ("hours", 168), ("days", 30), ("limit", 500)}
    assert defaults == known | {("show", "status"), ("format", "json")}
    tune = document["paths"]["/api/providers/{name}"]["patch"]
    assert tune["security"] == [{"admin": []}]


@pytest.mark.parametrize(
    "path",
    ["/dashboard/../app.py", "/dashboard/%2e%2e/app.py", "/dashboard/__init__.py", "//etc/passwd"],
)
async def test_no_path_leaves_the_pages(path: str) -> None:
    response, _ = await get(path)
    assert response.status_code == 404


async def test_a_head_request_for_the_event_stream_ends() -> None:
    client = create_app(a_tracker(a_provider())).test_client()
    response = await client.head("/api/providers/events")
    assert (response.status_code, response.content_type) == (200, "text/event-stream")


async def test_a_provider_that_renames_its_limits_gets_a_bounded_number_of_labels() -> None:
    def named(number: Any) -> Any:
        limit = LimitReading(name=f"requests_{number}", limit=9.0, remaining=1.0)
        return a_provider(rate_limit=RateLimit(source=LimitSource.HEADERS, limits=(limit,)))

    tracker = a_tracker(named(0))
    client, names = create_app(tracker).test_client(), set()
    for number in range(3 * MOST_LIMITS):
        tracker.board.latest = attrs.evolve(tracker.snapshot, providers={"groq": named(number)})
        body = await (await client.get("/metrics")).get_data()
        names |= set(re.findall(rb'llm_provider_limit\{.*limit="([^"]*)"', body))
    assert names == {b"requests_%d" % number for number in range(MOST_LIMITS)}


async def test_an_unknown_part_of_a_limit_has_no_sample() -> None:
    limits = (
        LimitReading(name="requests", limit=30.0),
        LimitReading(name="tokens", remaining=8000.0),
    )
    rate_limit = RateLimit(percent=0.0, source=LimitSource.HEADERS, limits=limits)
    _, found = await samples(a_tracker(a_provider(rate_limit=rate_limit)))
    known = {key: value for key, value in found.items() if key[0].startswith("llm_provider_limit")}
    assert known == {
        ("llm_provider_limit", "requests", "groq"): 30.0,
        ("llm_provider_limit_remaining", "tokens", "groq"): 8000.0,
    }


async def test_real_calls_are_counted_by_outcome_with_their_latencies() -> None:
    evidence = TrafficEvidence()
    totals = (
        TrafficTotal(outcome="ok", calls=7, latency_ms_sum=2100.0),
        TrafficTotal(outcome="server", calls=2, latency_ms_sum=0.0),
    )
    traffic = ProviderTrafficView(evidence=evidence, totals=totals)
    _, found = await samples(a_tracker(a_provider(traffic=traffic)))
    assert found["llm_provider_traffic_calls_total", "ok", "groq"] == 7.0
    assert found["llm_provider_traffic_calls_total", "server", "groq"] == 2.0
    assert found["llm_provider_traffic_latency_seconds_total", "ok", "groq"] == 2.1
