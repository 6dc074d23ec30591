"""The card of one provider: what a person reads of it, in each state that it can be in."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import msgspec
import pytest
from rich.console import Console

from api.cli.provider_card import provider_card
from api.schemas.convert import instant, view_provider
from api.schemas.incidents import Incident, MaintenanceSpan
from api.schemas.status import Provider
from tests.helpers.idle_tracker import a_provider

LIMIT = {
    "name": "requests",
    "window_seconds": 60.0,
    "limit": 30.0,
    "remaining": 12.0,
    "reset_at": "2026-11-23T12:01:00.000Z",
}
OFFER = {
    "model": "gpt-oss-20b",
    "variant": None,
    "status": "down",
    "status_since": "2026-11-23T11:50:00.000Z",
    "usable": False,
    "usable_at": None,
    "reason": "3 failed checks in a row",
    "evidence": "offer",
    "outcome": "overloaded",
    "error_message": "",
    "last_check": "2026-11-23T12:00:00.000Z",
    "next_check": None,
    "response_time_ms": None,
    "ttft_ms": 87.4,
    "tokens_per_second": None,
    "uptime": {"1h": 0.0, "24h": 0.0, "7d": 0.0},
    "latency_ms": {},
    "consecutive_failures": 3,
    "checks_24h": 3,
    "waits_for_budget": False,
    "retires_on": "2026-12-31",
}


def card(**changes: Any) -> dict[str, str]:
    """Print a healthy provider's card with these changes: its lines by their first word."""
    known = msgspec.to_builtins(view_provider(a_provider()))
    one = msgspec.convert({**known, **changes}, Provider)
    paper = StringIO()
    Console(width=120, file=paper).print(provider_card(one))
    lines = [line.rstrip() for line in paper.getvalue().splitlines() if line.strip()]
    return {line.split("  ")[0]: line for line in lines}


def test_a_healthy_provider_is_usable_and_shows_no_empty_tables() -> None:
    no_limit = {"source": "none", "limits": [], "exhausts_at": None}
    lines = card(rate_limit=no_limit, keys=[], offers=[])
    assert lines["usable"].endswith("yes")
    assert "groq" in lines["provider"]
    assert not {"limit", "key", "model"} & set(lines)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"usable": False, "usable_at": None}, "no"),
        ({"usable": False, "enabled": False}, "no: it is switched off (enabled = false)"),
        ({"usable": False, "usable_at": "2026-11-23T12:01:00.000Z"}, "not before 12:01:00 UTC"),
    ],
)
def test_a_provider_that_is_not_usable_shows_why_or_until_when(
    changes: dict[str, Any], said: str
) -> None:
    assert card(**changes)["usable"].split("  ")[-1].strip() == said


def test_an_unknown_latency_is_a_dash_and_a_known_one_has_its_spread() -> None:
    assert card(latency_ms={})["latency"].endswith("–")
    known = {"min": 90.0, "avg": 120.0, "p50": 110.0, "p95": 180.0, "max": 400.0, "samples": 9}
    assert card(response_time_ms=101.0, latency_ms=known)["latency"].endswith(
        "last 101 ms; in 24 h p50 110 ms, p95 180 ms, max 400 ms"
    )


def test_an_unproven_fact_is_distinguished_from_a_false_one() -> None:
    facts = {"reachable": True, "authenticated": False, "quota_available": None, "inference": None}
    assert card(**facts)["proven"].endswith(
        "reachable yes, key accepted no, quota left not known, answers not known"
    )


@pytest.mark.parametrize(("source", "left"), [("headers", "12"), ("estimate", "~12")])
def test_an_estimated_limit_is_marked(source: str, left: str) -> None:
    rate_limit = {"source": source, "limits": [LIMIT], "exhausts_at": None}
    assert card(rate_limit=rate_limit)["requests"].split()[:3] == ["requests", "30", left]


def test_an_unknown_part_of_a_limit_is_a_dash() -> None:
    limit = LIMIT | {"limit": None, "remaining": None}
    row = card(rate_limit={"source": "body", "limits": [limit], "exhausts_at": None})["requests"]
    assert row.split()[:3] == ["requests", "–", "–"]


def test_keys_and_offers_have_a_row_each() -> None:
    lines = card(keys=[{"number": 2, "state": "rate_limited"}], offers=[OFFER])
    assert lines["2"].split() == ["2", "rate", "limited"]
    assert "■ down" in lines["gpt-oss-20b"]
    assert "87 ms" in lines["gpt-oss-20b"]
    assert lines["gpt-oss-20b"].endswith(
        "3 failed checks in a row; will be switched off on 2026-12-31"
    )


def test_only_its_own_open_incidents_and_maintenance_are_shown() -> None:
    one = msgspec.convert(msgspec.to_builtins(view_provider(a_provider())), Provider)
    incident = Incident(
        id="abc",
        subject=one.provider_name,
        cause="provider",
        provider_name=one.provider_name,
        summary="it is down",
        opened_at="2026-11-23T11:50:00.000Z",
        closed_at=None,
        duration_seconds=None,
        flapping=False,
        acknowledged_by="sam",
        muted_until=None,
        notified=[],
    )
    over = msgspec.structs.replace(incident, id="old", closed_at="2026-11-23T11:55:00.000Z")
    others = msgspec.structs.replace(incident, id="else", provider_name="mistral")
    now = datetime.now(UTC)
    spans = [
        MaintenanceSpan(
            providers=who,
            start=instant(now + timedelta(hours=start)),
            end=instant(now + timedelta(hours=start + 2)),
            weekly=False,
        )
        for start, who in ((-9, []), (-1, [one.provider_name]), (5, ["mistral"]), (7, []), (9, []))
    ]
    paper = StringIO()
    Console(width=120, file=paper).print(provider_card(one, [incident, over, others], spans))
    told = [" ".join(line.split()) for line in paper.getvalue().splitlines()]
    assert [line for line in told if line.startswith("incident")] == [
        "incident abc, since 2026-11-23 11:50:00 UTC: it is down; acknowledged by sam"
    ]
    found = [line.split()[1:2] for line in told if line.startswith("maintenance")]
    assert found == [["until"], ["planned"]]
