"""Reports of real calls in a whole tracker, on virtual time with a real database file."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.helpers.calls import batch
from tests.helpers.factories import provider
from tracker import Config, Tracker, run_tracker
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import OfferStatus, ProviderStatus
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.report_receiver import ReportReceipt
from tracker.testing import FakeProviders, ProviderBehavior, VirtualClock, advance, virtual_clock

INTERVAL = 300.0


@attrs.define
class Traffic:
    """A tracker of groq and mistral, and proxies that tell it of calls."""

    time: MockClock
    file: Path
    fakes: FakeProviders = attrs.field(factory=FakeProviders)
    clock: VirtualClock = attrs.field(factory=virtual_clock)
    tracker: Tracker = attrs.field(init=False)
    ids: Any = attrs.field(factory=count)

    @asynccontextmanager
    async def running(self, *models: str, **timing: Any) -> AsyncIterator[Tracker]:
        """models: offers of groq that are watched, as often as groq itself."""
        names = ("groq", "mistral")
        groq, mistral = (provider(n, interval_seconds=INTERVAL, **timing) for n in names)
        groq = attrs.evolve(groq, models=models, model_interval_seconds=INTERVAL)
        config = Config(database=str(self.file), providers=(groq, mistral))
        run = partial(
            run_tracker,
            config,
            clock=self.clock,
            open_check=self.fakes.open_check,
            canary=LoopMonitor(beat=10.0),
        )
        self.fakes["mistral"].latency_ms = 200.0  # groq is the best
        async with trio.open_nursery() as nursery:
            self.tracker = await nursery.start(run)
            await self.passes(1.0)
            yield self.tracker
            self.tracker.stop()
            await self.passes(5.0)

    async def passes(self, seconds: float) -> None:
        store = self.tracker._store
        await advance(self.time, seconds, store.worker, store.readers)

    async def tell(
        self, outcome: str | None, *, calls: int = 1, reporter: str = "proxy-1", **fields: Any
    ) -> ReportReceipt:
        """Calls of groq that just ended."""
        told = [
            {
                "id": str(next(self.ids)),
                "at": self.clock.now().isoformat(),
                "provider": "groq",
                "outcome": outcome,
                **fields,
            }
            for _ in range(calls)
        ]
        return await self.tracker.report(batch(*told, reporter=reporter))

    def rows(self, sql: str) -> list[Any]:
        connection = apsw.Connection(str(self.file))
        found = connection.execute(sql).fetchall()
        connection.close()
        return found

    @property
    def groq(self) -> ProviderStatus:
        return self.tracker.snapshot.providers["groq"]

    def offer(self, model: str) -> OfferStatus:
        return next(offer for offer in self.groq.offers if offer.model == model)

    @property
    def checks(self) -> int:
        return self.fakes["groq"].ended


@pytest.fixture
async def traffic(mock_clock: MockClock, tmp_path: Path) -> Traffic:
    return Traffic(time=mock_clock, file=tmp_path / "p.db")


async def test_a_failed_call_moves_the_best_within_a_second(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running() as tracker:
        assert tracker.get_healthiest_provider() == "groq"
        traffic.fakes["groq"].mood = ProviderBehavior.SERVER_ERROR
        await traffic.passes(10.0)
        assert tracker.get_healthiest_provider() == "groq"
        await traffic.tell("server")
        await traffic.passes(1.0)
        assert tracker.get_healthiest_provider() == "mistral"
        assert traffic.groq.outcome is OutcomeKind.SERVER


async def test_failures_cause_at_most_one_check_in_two_seconds(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running():
        before = traffic.checks
        for _ in range(20):
            await traffic.tell("server", reporter=f"proxy-{next(traffic.ids)}")
            await traffic.passes(0.1)
        assert traffic.checks - before <= 2


@pytest.mark.parametrize("word", ["cancelled", "content_filter", "request", "cached"])
async def test_neutral_calls_change_nothing(
    traffic: Traffic, mock_clock: MockClock, word: str
) -> None:
    async with traffic.running() as tracker:
        before = traffic.checks
        receipt = await traffic.tell(word, calls=100)
        await traffic.passes(5.0)
        assert (receipt.accepted, receipt.neutral, traffic.checks) == (100, 100, before)
        assert traffic.groq.status is Status.HEALTHY
        assert tracker.get_healthiest_provider() == "groq"
        evidence = traffic.groq.evidence.traffic
        assert (evidence.calls, evidence.counted) == (100, 0)


async def test_good_traffic_saves_three_checks_of_four(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running():
        before = traffic.checks
        for _ in range(12 * 5):
            await traffic.tell("ok", calls=2, latency_ms=100)
            await traffic.passes(INTERVAL / 5)
        assert traffic.checks - before == pytest.approx(12 / 4, abs=1)
        assert traffic.groq.checks_saved_24h >= 8
        assert not traffic.groq.stale
        assert traffic.groq.status is Status.HEALTHY
        assert traffic.fakes["mistral"].ended >= 10  # no call of it was reported


async def test_a_minute_of_failures_is_shown_and_counts_as_a_check(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running():
        traffic.fakes["groq"].mood = ProviderBehavior.HANG  # its check takes ten seconds
        await traffic.tell("ok", calls=9)
        await traffic.tell("server", calls=31)
        await traffic.passes(1.0)
        assert traffic.groq.status is Status.DEGRADED
        assert traffic.groq.reason == "31 of 40 calls failed in the last minute (server error)"


async def test_one_reporter_alone_never_puts_a_provider_down(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running():
        seen = set()
        for _ in range(10):
            for model in ("a", "b"):
                await traffic.tell("server", calls=40, reporter="liar", model=model)
            await traffic.passes(60.0)
            seen.add(traffic.groq.status)
        assert Status.DOWN not in seen
        assert "liar" in traffic.tracker.health().untrusted_reporters


async def test_an_untrusted_reporter_causes_no_check(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running() as tracker:
        for _ in range(3):
            await traffic.tell("server", reporter="liar")
            await traffic.passes(3.0)
        assert tracker.health().untrusted_reporters == ("liar",)
        before = traffic.checks
        await traffic.tell("server", reporter="liar")
        await traffic.passes(3.0)
        assert traffic.checks == before
        await traffic.tell("server", reporter="honest")
        await traffic.passes(3.0)
        assert traffic.checks == before + 1


async def test_only_a_check_ends_down(traffic: Traffic, mock_clock: MockClock) -> None:
    async with traffic.running():
        traffic.fakes["groq"].mood = ProviderBehavior.SERVER_ERROR
        await traffic.tell("server")
        await traffic.passes(60.0)
        assert traffic.groq.status is Status.DOWN
        await traffic.tell("ok", calls=50)
        await traffic.passes(1.0)
        assert traffic.groq.status is Status.DOWN
        traffic.fakes["groq"].mood = ProviderBehavior.OK
        await traffic.tell("ok")
        await traffic.passes(3.0)
        assert traffic.groq.status is not Status.DOWN


async def test_a_reported_limit_blocks_until_its_reset(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running() as tracker:
        await traffic.tell("rate_limited", limits={"retry-after": "60"})
        await traffic.passes(1.0)
        assert not traffic.groq.usable
        assert traffic.groq.reason.endswith("real calls: rate limited")
        assert tracker.get_healthiest_provider() == "mistral"
        await traffic.passes(61.0)
        assert traffic.groq.usable


async def test_checks_and_calls_are_counted_separately(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running():
        checked = traffic.groq.last_check
        await traffic.passes(20.0)
        await traffic.tell("ok", latency_ms=5_000)
        called = traffic.clock.now()
        await traffic.passes(1.5)
        assert traffic.groq.last_check == checked
        assert traffic.groq.last_call is not None
        assert abs(traffic.groq.last_call - called) < timedelta(seconds=1)
        assert traffic.groq.response_time_ms == pytest.approx(100.0)


async def test_every_accepted_call_is_in_the_database_after_the_end(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    accepted: Counter[str] = Counter()
    async with traffic.running():
        for outcome in ("ok", "server", "cancelled", "ok"):
            receipt = await traffic.tell(outcome, calls=7, model="m", latency_ms=50)
            accepted[outcome] += receipt.accepted
            await traffic.passes(20.0)
    stored = traffic.rows("SELECT outcome, sum(calls) FROM traffic GROUP BY outcome")
    assert dict(stored) == accepted


async def test_past_calls_can_be_queried(traffic: Traffic, mock_clock: MockClock) -> None:
    async with traffic.running() as tracker:
        await traffic.tell("ok", calls=30, latency_ms=80)
        await traffic.passes(70.0)
        since = traffic.clock.now() - timedelta(hours=1)
        found = await tracker.records.traffic(["groq", "mistral"], since=since, resolution=60)
        assert sum(bucket.calls for bucket in found["groq"]) == 30
        assert found["mistral"] == ()


async def test_a_report_is_taken_once(traffic: Traffic, mock_clock: MockClock) -> None:
    async with traffic.running():
        await traffic.tell("ok", id="same")
        again = await traffic.tell("ok", id="same")
        assert (again.accepted, len(again.refused)) == (0, 1)


async def test_a_report_is_taken_once_over_a_restart_too(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    at = traffic.clock.now().isoformat()
    async with traffic.running():
        assert (await traffic.tell("ok", id="a", at=at)).accepted == 1
    async with traffic.running():
        assert (await traffic.tell("ok", id="a", at=at)).accepted == 0
        await traffic.passes(3_600.0)
        again = traffic.clock.now().isoformat()  # an old id with a new time is no new call
        assert (await traffic.tell("ok", id="a", at=again)).accepted == 0
        assert (await traffic.tell("ok", id="b", at=again)).accepted == 1
    assert traffic.rows("SELECT sum(calls) FROM traffic") == [(2,)]


async def test_the_number_of_skipped_checks_survives_a_restart(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running():
        await traffic.tell("ok", calls=5)
        await traffic.passes(2.0 * INTERVAL)
        before = traffic.groq
        assert before.checks_saved_24h > 0
    async with traffic.running():
        assert traffic.groq.checks_saved_24h == before.checks_saved_24h
        known = traffic.groq.traffic
        assert known is not None
        assert [(day.model, day.calls) for day in known.days] == [("", 5)]


async def test_half_an_hour_of_calls_with_a_fifth_neutral_changes_nothing(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    """At one call a second; cancelled, malformed, filtered, and given up before our time-out."""
    neutral: tuple[tuple[str | None, dict[str, Any]], ...] = (
        ("cancelled", {}),
        (None, {"http_status": 400, "error": {"code": "context_length_exceeded"}}),
        (None, {"http_status": 400, "error": {"code": "content_filter"}}),
        ("timeout", {"latency_ms": 2_000}),
    )
    async with traffic.running() as tracker:
        best = set()
        for second in range(0, 1_800, 10):
            await traffic.tell("ok", calls=8, latency_ms=300)
            for n in range(2):
                outcome, fields = neutral[(second // 10 + n) % len(neutral)]
                await traffic.tell(outcome, **fields)
            await traffic.passes(10.0)
            best.add((tracker.get_healthiest_provider(), traffic.groq.status))
        assert best == {("groq", Status.HEALTHY)}
        assert traffic.groq.evidence.traffic.failures == 0


async def test_a_failed_call_of_an_offer_has_that_offer_checked(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running("m", "n"):
        traffic.fakes["groq"].models["m"] = ProviderBehavior.SERVER_ERROR
        await traffic.tell("server", model="m")
        await traffic.passes(1.0)
        assert traffic.offer("m").status is Status.DEGRADED
        assert traffic.offer("n").status is Status.HEALTHY
        assert traffic.groq.status is Status.HEALTHY


async def test_one_reporter_can_make_an_offer_down_but_not_its_provider(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running("m", "n"):
        traffic.fakes["groq"].models["m"] = ProviderBehavior.HANG
        for _ in range(3):
            await traffic.tell("server", calls=25, model="m")
            await traffic.passes(60.0)
        assert traffic.offer("m").status is Status.DOWN
        assert traffic.groq.status is Status.HEALTHY


async def test_a_reported_limit_of_one_model_blocks_only_that_offer(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running("m", "n"):
        await traffic.tell("ok", model="n")
        await traffic.tell("rate_limited", model="m", limits={"retry-after": "60"})
        await traffic.passes(1.0)
        assert not traffic.offer("m").usable
        assert traffic.offer("n").usable
        assert traffic.groq.usable


async def test_good_traffic_of_an_offer_saves_its_completions(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running("m", "n"):
        for _ in range(12 * 5):
            await traffic.tell("ok", calls=2, model="m")
            await traffic.passes(INTERVAL / 5)
        made = {model: traffic.offer(model).checks_24h for model in ("m", "n")}
        assert made["m"] == pytest.approx(made["n"] / 4, abs=2)
        assert traffic.groq.completions_saved_24h >= 8


async def test_calls_are_shown_within_a_second_whatever_else_is_published(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running() as tracker:
        await traffic.tell("ok", calls=5)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tracker.check, "mistral")  # publishes before the second is over
            await traffic.passes(1.2)
        assert traffic.groq.evidence.traffic.calls == 5


async def test_the_last_calls_are_in_the_history_within_seconds(
    traffic: Traffic, mock_clock: MockClock
) -> None:
    async with traffic.running():
        await traffic.passes(30.0)
        await traffic.tell("ok", calls=2)
        await traffic.passes(1.0)
        assert traffic.rows("SELECT sum(calls) FROM traffic") == [(2,)]
        await traffic.tell("ok", calls=3)
        await traffic.passes(11.0)
        assert traffic.rows("SELECT sum(calls) FROM traffic") == [(5,)]
