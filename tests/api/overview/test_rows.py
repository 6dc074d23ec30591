"""One provider as a row: small, and only what the page cannot work out."""

import json
from datetime import timedelta
from typing import Any

import pytest

from api.overview.rows import FIELDS, encode_row
from tests.helpers.idle_tracker import NOON, a_bare_provider, a_provider
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import ProviderStatus, RateLimit, VantageView
from tracker.core.rate_limits import LimitSource
from tracker.core.traffic import ProviderTrafficView, TrafficEvidence


def row_of(provider: ProviderStatus, cost: float | None = None) -> dict[str, Any]:
    return dict(zip(FIELDS, json.loads(encode_row(provider, cost)), strict=True))


def test_a_healthy_provider_needs_few_bytes_and_no_sentence() -> None:
    row = row_of(a_provider(), 212.34)
    assert row["reason"] == ""
    assert (row["response"], row["day"], row["week"]) == (245.1, 99.8, 99.91)
    assert (row["limit"], row["limit_estimated"]) == (45, False)
    assert (row["cost"], row["last"]) == (212.3, round(NOON.timestamp()) - 30)
    assert len(encode_row(a_provider(), 212.34)) < 250


def test_an_unknown_value_is_null_and_not_zero() -> None:
    row = row_of(a_bare_provider())
    unknown = ("since", "response", "p95", "hour", "day", "week", "limit", "resets", "last")
    assert {name: row[name] for name in unknown} == dict.fromkeys(unknown)
    assert row["reason"] == "never checked"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": Status.DOWN, "outcome": OutcomeKind.SERVER, "consecutive_failures": 3}, ""),
        ({"status": Status.DEGRADED, "outcome": OutcomeKind.SLOW}, "why"),
        ({"status": Status.UNKNOWN, "outcome": OutcomeKind.CONNECT}, "why"),
        ({"status": Status.DEGRADED, "outcome": OutcomeKind.RATE_LIMITED}, "why"),
    ],
)
def test_a_reason_is_sent_if_the_figures_do_not_say_it(
    changes: dict[str, Any], reason: str
) -> None:
    assert row_of(a_provider(reason="why", **changes))["reason"] == reason


def test_an_estimated_limit_is_marked() -> None:
    limit = RateLimit(percent=3.0, source=LimitSource.ESTIMATE)
    row = row_of(a_provider(rate_limit=limit))
    assert (row["limit"], row["limit_estimated"]) == (3, True)


def test_traffic_is_sent_beside_the_checks() -> None:
    evidence = TrafficEvidence(calls=50, counted=40, failures=4, last=NOON, latency_ms=901.26)
    row = row_of(a_provider(traffic=ProviderTrafficView(evidence=evidence)))
    assert row["traffic"] == [50, 40, 4, 901.3]
    assert row["response"] == 245.1
    assert row_of(a_provider())["traffic"] is None


def test_the_row_has_the_status_of_each_vantage_and_of_the_cluster() -> None:
    seen = (
        VantageView(name="eu-1", status=Status.DOWN, reason="HTTP 500", age_seconds=3.0),
        VantageView(
            name="us-1", status=Status.HEALTHY, reason="ok", age_seconds=None, suspect=True
        ),
    )
    row = row_of(a_provider(vantages=seen, cluster_reason="down from eu-1 (1 of 2)"))
    assert row["vantages"] == [["eu-1", "down", False], ["us-1", "healthy", True]]
    assert row["cluster"] == "down from eu-1 (1 of 2)"


def test_an_outage_begins_at_its_first_failed_check() -> None:
    first, judged = NOON - timedelta(minutes=3), NOON - timedelta(minutes=1)
    told = {"status_since": judged, "failing_since": first}
    assert row_of(a_provider(status=Status.DOWN, **told))["since"] == round(first.timestamp())
    assert row_of(a_provider(status=Status.DEGRADED, **told))["since"] == round(judged.timestamp())


def test_whole_numbers_of_an_embedding_programs_check_are_rows_too() -> None:
    assert row_of(a_provider(response_time_ms=245))["response"] == 245
