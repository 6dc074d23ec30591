"""The client reports calls in the background, whatever the tracker does."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest

from tests.helpers.fair_time import fair_ms
from tests.helpers.fake_tracker import LIMIT, FakeTracker
from tests.helpers.waiting import block_until
from tracker.client import ProviderStatusClient, report_sender
from tracker.core.backoff import Backoff

Use = Callable[[ProviderStatusClient, Callable[[ProviderStatusClient], Any]], Any]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_sender, "RETRY", Backoff(first=0.01, longest=0.02))
    monkeypatch.setattr(report_sender, "LOOK_SECONDS", 0.01)


@pytest.fixture
def tracker() -> Iterator[FakeTracker]:
    with FakeTracker("groq", "mistral") as fake:
        yield fake


@pytest.fixture(params=["thread", "asyncio", "trio"])
def use(request: pytest.FixtureRequest) -> Use:
    """Run a function of the client while it is open, in each of its three ways."""

    def run(client: ProviderStatusClient, body: Callable[[ProviderStatusClient], Any]) -> Any:
        if request.param == "thread":
            with client:
                return body(client)

        async def main() -> Any:
            async with client:
                return await anyio.to_thread.run_sync(body, client)

        return anyio.run(main, backend=request.param)

    return run


def client_of(tracker: FakeTracker, **more: Any) -> ProviderStatusClient:
    settings = {"reporter": "proxy-1", "report_token": "rt-1", "request_timeout": LIMIT} | more
    return ProviderStatusClient(tracker.url, **settings)


def test_a_failure_is_reported_at_once_with_the_report_token(
    tracker: FakeTracker, use: Use
) -> None:
    def body(client: ProviderStatusClient) -> None:
        client.report("groq", model="m", outcome="server", latency_ms=12)
        tracker.wait(lambda: bool(tracker.batches))

    use(client_of(tracker, token="read"), body)
    batch = tracker.batches[0]  # the end may have sent it again: its id is the same
    assert (batch["reporter"], batch["token"]) == ("proxy-1", "Bearer rt-1")
    (report,) = batch["reports"]
    assert (report["provider"], report["outcome"]) == ("groq", "server")


def test_remaining_reports_are_sent_at_the_end(
    tracker: FakeTracker, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_sender, "LAST_SECONDS", LIMIT)  # the machine may be busy

    def body(client: ProviderStatusClient) -> None:
        for _ in range(1_200):
            client.report("groq", outcome="ok")

    use(client_of(tracker), body)
    assert len({report["id"] for report in tracker.reports}) == 1_200


def test_an_unreachable_tracker_loses_no_report(tracker: FakeTracker, use: Use) -> None:
    def body(client: ProviderStatusClient) -> None:
        tracker.refusal = 503
        client.report("groq", outcome="server")
        tracker.wait(lambda: tracker.asked["/api/reports"] >= 2)
        assert client.reports.trouble
        assert client.reports.dropped == 0
        tracker.refusal = 0
        tracker.wait(lambda: bool(tracker.batches))
        block_until(lambda: client.reports.sent == 1)
        assert client.reports.trouble == ""

    use(client_of(tracker), body)
    assert len(tracker.reports) == 1


def test_a_busy_tracker_gets_the_reports_after_its_retry_after(
    tracker: FakeTracker, use: Use
) -> None:
    def body(client: ProviderStatusClient) -> None:
        tracker.refusal = 429
        client.report("groq", outcome="server")
        tracker.wait(lambda: tracker.asked["/api/reports"] == 1)
        refused = time.monotonic()
        tracker.refusal = 0
        tracker.wait(lambda: bool(tracker.batches))
        assert time.monotonic() - refused > 0.9

    use(client_of(tracker), body)
    assert len({report["id"] for report in tracker.reports}) == 1


def test_a_batch_that_the_tracker_always_refuses_is_counted_and_dropped(
    tracker: FakeTracker, use: Use
) -> None:
    def body(client: ProviderStatusClient) -> None:
        tracker.refusal = 400
        client.report("groq", outcome="server")
        block_until(lambda: client.reports.refused == 1)
        assert client.reports.queued == 0

    use(client_of(tracker), body)


@pytest.mark.parametrize("every", [float("nan"), float("inf"), "soon", None])
def test_an_odd_receipt_does_not_end_reporting(tracker: FakeTracker, every: Any) -> None:
    with client_of(tracker) as client:
        tracker.send_every = every
        client.report("groq", outcome="server")  # a failure is sent at once
        block_until(lambda: bool(client.reports.trouble))
        tracker.send_every = 0.1
        client.report("groq", outcome="ok")  # when it is due
        block_until(lambda: client.reports.sent == 1)


def test_a_full_queue_drops_the_oldest(tracker: FakeTracker) -> None:
    client = client_of(tracker)  # never opened: nothing is sent
    for _ in range(10_005):
        client.report("groq", outcome="ok")
    assert (client.reports.queued, client.reports.dropped) == (10_000, 5)


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "arguments",
    [
        {"error": Hostile()},
        {"model": Hostile()},
        {"limits": 5},
        {"limits": {Hostile(): 1}},
        {"latency_ms": "x"},
        {"at": "yesterday"},
        {"http_status": 10**9},
    ],
)
def test_reporting_never_raises(tracker: FakeTracker, arguments: dict[str, Any]) -> None:
    client_of(tracker).report("groq", **arguments)


def test_reporting_does_not_block_while_the_tracker_hangs() -> None:
    client = ProviderStatusClient("http://127.0.0.1:9", start_timeout=0.0)
    with client:
        began = time.thread_time()
        for _ in range(1_000):
            client.report("groq", outcome="ok", latency_ms=1.0)
        assert fair_ms(time.thread_time() - began) < 1_000.0
