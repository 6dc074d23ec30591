"""Reports wait in a bounded queue, and hold nothing that must not leave the process."""

import json
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.client.report_queue import QueuedReport, ReportBuilder, ReportQueue
from tracker.reports.schema import CallReport


def queued(number: int = 0, *, at: float = 100.0, urgent: bool = False) -> QueuedReport:
    return QueuedReport(fields={"id": str(number)}, at=at, urgent=urgent)


def built(**known: Any) -> dict[str, Any]:
    return ReportBuilder().build("groq", None, **known).fields


def test_the_oldest_is_dropped_and_counted() -> None:
    queue = ReportQueue(limit=3)
    for number in range(5):
        queue.put(queued(number))
    assert [report.fields["id"] for report in queue.take(9, not_before=0.0)] == ["2", "3", "4"]
    assert queue.dropped == 2


def test_what_could_not_be_sent_keeps_its_place() -> None:
    queue = ReportQueue()
    for number in range(4):
        queue.put(queued(number, urgent=number == 0))
    taken = queue.take(2, not_before=0.0)
    assert not queue.urgent
    queue.put_back(taken)
    assert queue.urgent
    assert [report.fields["id"] for report in queue.take(9, not_before=0.0)] == list("0123")


def test_what_grew_too_old_is_dropped_and_counted() -> None:
    queue = ReportQueue()
    queue.put(queued(1, at=10.0))
    queue.put(queued(2, at=50.0))
    assert [report.fields["id"] for report in queue.take(9, not_before=20.0)] == ["2"]
    assert queue.dropped == 1


def test_only_headers_about_limits_are_sent() -> None:
    headers = {"X-RateLimit-Remaining-Requests": "0", "Retry-After": "2", "Set-Cookie": "secret"}
    assert built(limits=headers)["limits"] == {
        "x-ratelimit-remaining-requests": "0",
        "retry-after": "2",
    }


def test_an_exception_is_reported_with_type_status_and_text() -> None:
    class RateLimitError(Exception):
        status_code = 429
        body = MappingProxyType({"code": "rate_limit_exceeded", "type": "tokens"})

    fields = built(error=RateLimitError("slow down"))
    assert fields["http_status"] == 429
    assert fields["error"] == {
        "type": "tokens",
        "code": "rate_limit_exceeded",
        "message": "slow down",
    }


@pytest.mark.parametrize("latency", [float("nan"), float("inf"), -1.0, "fast", None])
def test_an_invalid_latency_is_left_out(latency: Any) -> None:
    assert "latency_ms" not in built(outcome="ok", latency_ms=latency)


def test_ids_never_repeat() -> None:
    builder, other = ReportBuilder(), ReportBuilder()
    ids = [each.build("groq", None).fields["id"] for each in (builder, builder, other)]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("known", "urgent"),
    [
        ({"outcome": "ok"}, False),
        ({"outcome": "server"}, True),
        ({"outcome": "cancelled"}, False),
        ({"http_status": 200}, False),
        ({"http_status": 500}, True),
        ({"error": OSError()}, True),
    ],
)
def test_failures_are_sent_at_once(known: dict[str, Any], urgent: bool) -> None:
    assert ReportBuilder().build("groq", None, **known).urgent is urgent


@given(
    model=st.none() | st.text(),
    outcome=st.none() | st.text(max_size=50),
    http_status=st.none() | st.integers(),
    message=st.none() | st.text(),
    latency_ms=st.none() | st.floats(),
)
def test_every_report_has_the_shape_of_the_contract(
    model: str | None,
    outcome: str | None,
    http_status: int | None,
    message: str | None,
    latency_ms: float | None,
) -> None:
    fields = built(
        model=model,
        outcome=outcome,
        http_status=http_status,
        error=None if message is None else {"message": message},
        latency_ms=None if latency_ms is None else min(latency_ms, 8.64e7),
    )
    report = msgspec.json.decode(json.dumps(fields, allow_nan=False), type=CallReport)
    assert report.at <= datetime.now(UTC)
