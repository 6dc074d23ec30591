"""One actor with a fake check, on virtual time."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.helpers.factories import finding, provider
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.request_shape import RequestShape
from tracker.core.settings import Provider
from tracker.core.shared_wakes import MANY_PROVIDERS, SharedWakes
from tracker.probes.check import Check
from tracker.runtime.actor import CheckActor, same_endpoint
from tracker.runtime.actor_context import ActorContext
from tracker.runtime.completion_budget import CompletionBudget
from tracker.runtime.loop_stalls import discount_loop_stall
from tracker.runtime.messages import ActorMessage, CheckCompleted, CheckRescheduled
from tracker.runtime.start_limiter import StartLimiter
from tracker.testing import virtual_clock


@attrs.define
class FakeProvider:
    """Answers with ``kinds`` in turn, the last forever, each after ``seconds``."""

    kinds: list[OutcomeKind]
    seconds: float = 0.1
    retry_after: float | None = None
    running: int = 0
    overlaps: int = 0
    opened: int = 0
    times: list[float] = attrs.field(factory=list)
    models: list[str] = attrs.field(factory=list)
    remembered: object = None

    @asynccontextmanager
    async def open(self, _: Provider) -> AsyncIterator[Check]:
        self.opened += 1
        yield self

    async def __call__(self) -> CheckResult:
        self.running += 1
        self.overlaps += self.running > 1
        self.times.append(trio.current_time())
        try:
            await trio.sleep(self.seconds)
        finally:
            self.running -= 1
        kind = self.kinds.pop(0) if len(self.kinds) > 1 else self.kinds[0]
        return finding(kind, retry_after=self.retry_after)

    async def check_model(self, model: str) -> CheckResult:
        self.models.append(model)
        return attrs.evolve(await self(), completions=1)

    def partial_result(self) -> CheckResult:
        return CheckResult(kind=OutcomeKind.TIMEOUT, facts=Facts(reachable=False))

    def remember(self, learned: object) -> None:
        self.remembered = learned


@asynccontextmanager
async def living(
    fake: FakeProvider, settings: Provider, **more: Any
) -> AsyncIterator[tuple[CheckActor, trio.MemoryReceiveChannel[ActorMessage]]]:
    shared = ActorContext(open_check=fake.open, clock=virtual_clock(), **more)
    sender, receiver = trio.open_memory_channel[ActorMessage](1000)
    actor = CheckActor(settings, shared)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor.run, sender)
        yield actor, receiver
        nursery.cancel_scope.cancel()


def outcomes(inbox: trio.MemoryReceiveChannel[ActorMessage]) -> list[OutcomeKind]:
    found = []
    while inbox.statistics().current_buffer_used:
        report = inbox.receive_nowait()
        if isinstance(report, CheckCompleted):
            found.append(report.result.kind)
    return found


async def test_an_actor_checks_at_once_and_then_on_its_grid(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.OK])
    async with living(fake, provider(interval_seconds=60.0, jitter=0.0)) as (_, inbox):
        await trio.sleep(301.0)
        assert fake.times[0] == pytest.approx(0.0, abs=0.01)
        gaps = [b - a for a, b in zip(fake.times[1:], fake.times[2:], strict=False)]
        assert gaps == pytest.approx([60.0] * len(gaps))
        assert len(fake.times) in {5, 6}
        assert set(outcomes(inbox)) == {OutcomeKind.OK}


async def test_failures_are_rechecked_after_2_and_10_seconds(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.SERVER], seconds=0.0)
    async with living(fake, provider()):
        await trio.sleep(13.0)
        assert fake.times == pytest.approx([0.0, 2.0, 12.0], abs=0.01)


@pytest.mark.timeout(20)
async def test_a_wait_for_others_that_is_too_short_to_be_added_ends(mock_clock: MockClock) -> None:
    """It held the whole loop: at a large time, ten picoseconds more are the same time."""
    mock_clock.jump(1e7)
    mock_clock.autojump_threshold = 0.0
    began = trio.current_time()
    fake = FakeProvider([OutcomeKind.OK], seconds=0.0)

    def wait(*_: object) -> float:
        return 0.0 if trio.current_time() > began else 1e-11

    async with living(fake, provider(), gate=wait):
        await trio.sleep(1.0)
        assert len(fake.times) == 1


async def test_a_hanging_provider_times_out_at_its_limit_and_others_would_go_on(
    autojump_clock: MockClock,
) -> None:
    fake = FakeProvider([OutcomeKind.OK], seconds=3600.0)
    async with living(fake, provider(timeout_seconds=10.0)) as (_, inbox):
        report = await inbox.receive()
        assert isinstance(report, CheckCompleted)
        assert (report.result.kind, trio.current_time()) == (
            OutcomeKind.TIMEOUT,
            pytest.approx(10, abs=0.1),
        )
        assert report.result.message == "no complete answer within 10 s"


async def test_the_partial_result_of_a_check_that_timed_out_is_reported(
    autojump_clock: MockClock,
) -> None:
    class Begun(FakeProvider):
        def partial_result(self) -> CheckResult:
            facts = Facts(reachable=True)
            return CheckResult(kind=OutcomeKind.TIMEOUT, facts=facts, requests=2, completions=1)

    for fake, known in ((Begun, (True, 2, 1)), (FakeProvider, (False, 1, 0))):
        async with living(fake([OutcomeKind.OK], seconds=3600.0), provider()) as (_, inbox):
            report = await inbox.receive()
            assert isinstance(report, CheckCompleted)
            found = report.result
            assert (found.facts.reachable, found.requests, found.completions) == known
            assert found.message == "no complete answer within 10 s"


async def test_check_now_joins_the_check_in_progress(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.OK], seconds=5.0)
    async with living(fake, provider()) as (actor, inbox):
        await trio.sleep(1.0)
        answered: list[CheckResult | None] = []

        async def ask() -> None:
            answered.append(await actor.check_now())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(ask)
        assert [o and o.kind for o in answered] == [OutcomeKind.OK, OutcomeKind.OK]
        assert trio.current_time() == pytest.approx(5.0, abs=0.1)
        assert (len(fake.times), len(outcomes(inbox))) == (1, 1)


async def test_check_now_between_ticks_makes_one_check(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.OK])
    async with living(fake, provider()) as (actor, _):
        await trio.sleep(10.0)
        assert await actor.check_now() is not None
        assert fake.times == pytest.approx([0.0, 10.0], abs=0.01)


async def test_a_failure_found_on_request_starts_the_rechecks(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.OK, OutcomeKind.SERVER], seconds=0.0)
    async with living(fake, provider()) as (actor, _):
        await trio.sleep(10.0)
        await actor.check_now()
        await trio.sleep(3.0)
        assert fake.times == pytest.approx([0.0, 10.0, 12.0], abs=0.01)


async def test_without_a_schedule_only_requests_are_checked(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.SERVER], seconds=0.0)
    async with living(fake, provider(), schedule=False) as (actor, _):
        await trio.sleep(10_000.0)
        assert fake.times == []
        await actor.check_now()
        await trio.sleep(10_000.0)
        assert len(fake.times) == 1


async def test_checks_of_one_provider_never_overlap(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.OK, OutcomeKind.SERVER, OutcomeKind.SLOW], seconds=1.5)
    settings = provider(interval_seconds=2.0, timeout_seconds=2.0)
    async with living(fake, settings) as (actor, _), trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(actor.check_now)
            await trio.sleep(0.7)
    assert fake.overlaps == 0


async def test_a_shorter_interval_takes_effect_at_once(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.OK], seconds=0.0)
    async with living(fake, provider(interval_seconds=3600.0)) as (actor, _):
        await trio.sleep(1.0)
        actor.update_settings(provider(interval_seconds=20.0))
        await trio.sleep(60.0)
        assert len(fake.times) in {3, 4}
        assert fake.opened == 1


async def test_a_moved_endpoint_is_opened_again_after_the_check_in_progress(
    autojump_clock: MockClock,
) -> None:
    fake = FakeProvider([OutcomeKind.OK], seconds=5.0)
    async with living(fake, provider()) as (actor, inbox):
        await trio.sleep(1.0)
        actor.update_settings(attrs.evolve(provider(), base_url="http://127.0.0.1:10/v1"))
        await trio.sleep(14.0)
        assert (fake.opened, len(fake.times), fake.overlaps) == (2, 2, 0)
        assert outcomes(inbox) == [OutcomeKind.OK, OutcomeKind.OK]


def stalled(kind: OutcomeKind, stall: float) -> CheckResult:
    return discount_loop_stall(finding(kind, 800.0), stall=stall, slow_ms=1000.0)


@pytest.mark.parametrize("kind", [OutcomeKind.TIMEOUT, OutcomeKind.CONNECT, OutcomeKind.SERVER])
def test_a_failure_during_our_own_stall_does_not_count_for_the_provider(kind: OutcomeKind) -> None:
    assert stalled(kind, 0.5).kind is OutcomeKind.INTERNAL
    assert stalled(kind, 0.0).kind is kind


def test_an_answer_during_our_own_stall_counts_but_its_latency_does_not() -> None:
    found = stalled(OutcomeKind.OK, 0.5)
    assert (found.kind, found.latency_ms) == (OutcomeKind.OK, None)


@pytest.mark.parametrize("kind", [OutcomeKind.OK, OutcomeKind.SERVER])
def test_a_latency_measured_by_the_kernel_is_reported_despite_a_stall(kind: OutcomeKind) -> None:
    stamped = attrs.evolve(finding(kind, 800.0), latency_stamped=True)
    assert discount_loop_stall(stamped, stall=0.5, slow_ms=1000.0) == stamped


@pytest.mark.parametrize(
    ("latency", "kind"), [(1000.0, OutcomeKind.OK), (1000.1, OutcomeKind.SLOW)]
)
def test_slow_is_over_the_threshold(latency: float, kind: OutcomeKind) -> None:
    assert (
        discount_loop_stall(finding(OutcomeKind.OK, latency), stall=0.0, slow_ms=1000.0).kind
        is kind
    )


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"timing": provider(interval_seconds=60.0).timing}, True),
        ({"base_url": "http://127.0.0.1:1"}, False),
        ({"keys": (Secret("other"),)}, False),
        ({"check": "chat"}, False),
    ],
)
def test_only_timing_can_change_without_a_new_connection(
    change: dict[str, Any], same: bool
) -> None:
    assert same_endpoint(attrs.evolve(provider(), **change), provider()) is same


async def test_tuning_does_not_break_a_retry_after(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.RATE_LIMITED], seconds=0.0, retry_after=3600.0)
    async with living(fake, provider()) as (actor, _):
        await trio.sleep(1.0)
        actor.update_settings(provider(interval_seconds=60.0))
        await trio.sleep(3000.0)
        assert len(fake.times) == 1
        await trio.sleep(700.0)
        assert len(fake.times) == 2


async def test_a_failure_found_on_request_does_not_break_a_retry_after(
    autojump_clock: MockClock,
) -> None:
    fake = FakeProvider([OutcomeKind.RATE_LIMITED], seconds=0.0, retry_after=3600.0)
    async with living(fake, provider()) as (actor, _):
        await trio.sleep(1.0)
        fake.kinds, fake.retry_after = [OutcomeKind.SERVER], None
        await actor.check_now()
        await trio.sleep(3000.0)
        assert len(fake.times) == 2


@pytest.mark.parametrize(
    ("kind", "checked"),
    [(OutcomeKind.OK, True), (OutcomeKind.AUTH, False), (OutcomeKind.QUOTA_EXHAUSTED, False)],
)
async def test_failed_calls_cause_a_check_unless_it_would_be_refused_again(
    autojump_clock: MockClock, kind: OutcomeKind, checked: bool
) -> None:
    fake = FakeProvider([kind], seconds=0.0)
    async with living(fake, provider()) as (actor, _):
        await trio.sleep(10.0)
        assert actor.request_check() is checked
        await trio.sleep(1.0)
        assert len(fake.times) == 1 + checked


async def test_failed_calls_cause_no_check_of_an_unwatched_model(
    autojump_clock: MockClock,
) -> None:
    fake = FakeProvider([OutcomeKind.OK], seconds=0.0)
    async with living(fake, provider()) as (actor, _):
        await trio.sleep(1.0)
        assert not actor.request_check("unknown-model")
        assert await actor.check_now("unknown-model") is None
        assert fake.models == []


async def test_removing_a_model_answers_those_who_wait_for_its_check(
    autojump_clock: MockClock,
) -> None:
    fake = FakeProvider([OutcomeKind.OK], seconds=5.0)
    watched = attrs.evolve(provider(), models=("small", "large"))
    answers: dict[str | None, CheckResult | None] = {}
    async with living(fake, watched) as (actor, _), trio.open_nursery() as nursery:

        async def ask(model: str | None) -> None:
            answers[model] = await actor.check_now(model)

        await trio.sleep(1.0)  # the provider's own check is in progress
        for model in (None, "small", "large"):
            nursery.start_soon(ask, model)
        await trio.sleep(1.0)
        actor.update_settings(attrs.evolve(watched, models=("large",)))
    assert answers["small"] is None
    assert all(answers[model] is not None for model in (None, "large"))
    assert "small" not in fake.models


async def test_without_a_schedule_new_settings_start_no_check(autojump_clock: MockClock) -> None:
    fake = FakeProvider([OutcomeKind.OK], seconds=0.0)
    async with living(fake, provider(), schedule=False) as (actor, _):
        await trio.sleep(1.0)
        plans = actor.update_settings(provider(interval_seconds=20.0))
        actor.update_settings(attrs.evolve(provider(), base_url="http://127.0.0.1:10/v1"))
        await trio.sleep(600.0)
        assert fake.times == []
        assert [plan.next_due for plan in plans] == [None]
        await actor.check_now()
        assert fake.opened == 2  # of the new endpoint


async def test_a_completion_check_waits_for_midnight_once_the_budget_is_spent(
    autojump_clock: MockClock,
) -> None:
    fake = FakeProvider([OutcomeKind.OK], seconds=0.0)
    chat = attrs.evolve(provider(interval_seconds=60.0), check="chat")
    none_left = CompletionBudget(0)
    async with living(fake, chat, budget=none_left) as (actor, inbox):
        plan = await inbox.receive()
        assert isinstance(plan, CheckRescheduled)
        assert plan.waits_for_budget
        assert plan.next_due == pytest.approx(12 * 3600.0)  # the clock begins at noon
        await trio.sleep(11 * 3600.0)
        assert fake.times == []
        assert await actor.check_now() is not None  # a check on request is still made
        assert len(fake.times) == 1


class Spending(FakeProvider):
    """Each check spends this many completions."""

    completions = 1

    async def __call__(self) -> CheckResult:
        return attrs.evolve(await super().__call__(), completions=self.completions)


async def test_checks_that_begin_together_stay_within_the_budget(
    autojump_clock: MockClock,
) -> None:
    fakes = [Spending([OutcomeKind.OK], seconds=0.5) for _ in range(20)]
    budget = CompletionBudget(3)
    chat = attrs.evolve(provider(interval_seconds=60.0), check="chat")
    async with AsyncExitStack() as actors:
        for fake in fakes:
            await actors.enter_async_context(living(fake, chat, budget=budget))
        await trio.sleep(600.0)
        assert sum(len(fake.times) for fake in fakes) == 3


async def test_a_completion_that_was_reserved_and_not_spent_goes_to_another_check(
    autojump_clock: MockClock,
) -> None:
    fakes = [Spending([OutcomeKind.CONNECT], seconds=0.5) for _ in range(5)]
    for fake in fakes:
        fake.completions = 0
    chat = attrs.evolve(provider(interval_seconds=60.0), check="chat")
    budget = CompletionBudget(1)
    async with AsyncExitStack() as actors:
        inboxes = [
            (await actors.enter_async_context(living(fake, chat, budget=budget)))[1]
            for fake in fakes
        ]
        await trio.sleep(30.0)
        assert all(fake.times for fake in fakes)
        waited = [inbox.receive_nowait() for inbox in inboxes]
    assert not any(isinstance(each, CheckRescheduled) and each.waits_for_budget for each in waited)


async def test_a_budget_lowered_while_a_check_waits_for_its_turn_holds_for_it(
    autojump_clock: MockClock,
) -> None:
    fake, budget, pacer = Spending([OutcomeKind.OK]), CompletionBudget(10), StartLimiter(held=True)
    chat = attrs.evolve(provider(interval_seconds=60.0), check="chat")
    async with living(fake, chat, budget=budget, pacer=pacer) as (_, inbox):
        await trio.sleep(1.0)
        budget.per_day = 0
        pacer.release()
        plan = await inbox.receive()
        assert isinstance(plan, CheckRescheduled)
        assert plan.waits_for_budget
        assert fake.times == []


async def test_an_offer_taken_out_while_its_check_waits_for_its_turn_is_not_checked(
    autojump_clock: MockClock,
) -> None:
    fake, pacer = Spending([OutcomeKind.OK]), StartLimiter(held=True)
    watched = attrs.evolve(provider(interval_seconds=60.0), models=("small",))
    async with living(fake, watched, pacer=pacer) as (actor, _):
        await trio.sleep(1.0)
        actor.update_settings(provider(interval_seconds=60.0))
        pacer.release()
        await trio.sleep(300.0)
        assert fake.models == []


async def test_adaptations_are_kept_for_the_next_connection(
    autojump_clock: MockClock,
) -> None:
    learned = {"m": RequestShape()}

    class Learning(FakeProvider):
        async def __call__(self) -> CheckResult:
            return attrs.evolve(await super().__call__(), learned=learned)

    fake = Learning([OutcomeKind.OK], seconds=0.0)
    async with living(fake, provider()) as (actor, _):
        await trio.sleep(1.0)
        assert fake.remembered == {}
        actor.update_settings(attrs.evolve(provider(), base_url="http://127.0.0.1:10/v1"))
        await trio.sleep(1.0)
        assert fake.remembered == learned


def test_a_received_refusal_counts_for_the_provider_despite_a_stall() -> None:
    refused = attrs.evolve(finding(OutcomeKind.SERVER, 800.0), http_status=503)
    assert discount_loop_stall(refused, stall=0.5, slow_ms=1000.0) == refused


async def test_a_result_that_was_collected_is_not_sent_as_well(autojump_clock: MockClock) -> None:
    fake, collected = FakeProvider([OutcomeKind.OK]), list[ActorMessage]()

    def collect(message: ActorMessage) -> bool:
        collected.append(message)
        return len(collected) < 3

    async with living(fake, provider(interval_seconds=60.0), collect=collect) as (_, inbox):
        await trio.sleep(301.0)
        assert len(collected) >= 4
        assert len(outcomes(inbox)) == len(collected) - 2


async def test_checks_of_many_providers_that_are_due_together_begin_together(
    autojump_clock: MockClock,
) -> None:
    wakes = SharedWakes(providers=MANY_PROVIDERS)
    fake = FakeProvider([OutcomeKind.OK])
    async with living(fake, provider(interval_seconds=60.0), wakes=wakes) as (_, inbox):
        await trio.sleep(601.0)
        later = fake.times[1:]
        assert len(later) >= 8
        assert later == pytest.approx([round(moment, 1) for moment in later], abs=1e-6)
        assert outcomes(inbox)
