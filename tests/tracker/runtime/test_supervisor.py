"""Supervised actors: a crash of one does not affect the others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio
from trio.testing import MockClock

from tests.helpers.factories import finding, provider
from tracker.core.backoff import Backoff
from tracker.core.outcomes import CheckResult
from tracker.core.settings import Provider
from tracker.probes.check import Check, FunctionCheck
from tracker.runtime.actor_context import ActorContext
from tracker.runtime.messages import ActorCrashed, ActorMessage, CheckCompleted, CheckRescheduled
from tracker.runtime.supervisor import Supervisor
from tracker.testing import virtual_clock


@attrs.define
class Bugs:
    """Checks that work, but for those named in ``broken``: there ours has a bug."""

    broken: set[str] = attrs.field(factory=set)
    seconds: float = 0.1
    shielded: bool = False  # a check crashes though its actor was cancelled meanwhile

    @asynccontextmanager
    async def open(self, settings: Provider) -> AsyncIterator[Check]:
        async def check() -> CheckResult:
            with trio.CancelScope(shield=self.shielded):
                await trio.sleep(self.seconds)
            if settings.name in self.broken:
                raise ZeroDivisionError("a bug of ours")
            return finding()

        yield FunctionCheck(check)


@attrs.define
class House:
    supervisor: Supervisor
    inbox: trio.MemoryReceiveChannel[ActorMessage]

    def reports(self) -> list[ActorMessage]:
        found = []
        while self.inbox.statistics().current_buffer_used:
            found.append(self.inbox.receive_nowait())
        return found

    def checked(self, name: str) -> int:
        return sum(
            isinstance(r, CheckCompleted) and r.result.provider == name for r in self.reports()
        )


@asynccontextmanager
async def house(bugs: Bugs) -> AsyncIterator[House]:
    sender, receiver = trio.open_memory_channel[ActorMessage](10_000)
    shared = ActorContext(open_check=bugs.open, clock=virtual_clock())
    async with sender, trio.open_nursery() as nursery:
        yield House(Supervisor(nursery, sender, shared, Backoff(budget=3)), receiver)
        nursery.cancel_scope.cancel()


async def test_a_crash_in_the_moment_of_removal_is_reported(autojump_clock: MockClock) -> None:
    """It is a result like any other, and counted as one; a cancellation took its place."""
    bugs = Bugs({"a"}, shielded=True)
    async with house(bugs) as home:
        home.supervisor.start(provider("a"))
        await trio.sleep(0.05)  # the check is under way
        await home.supervisor.stop("a")
        (crash,) = home.reports()
        assert isinstance(crash, ActorCrashed)
        assert crash.error == "ZeroDivisionError: a bug of ours"


async def test_a_crash_is_reported_and_the_actor_restarted(autojump_clock: MockClock) -> None:
    bugs = Bugs({"a"})
    async with house(bugs) as home:
        home.supervisor.start(provider("a"))
        await trio.sleep(0.5)
        (crash,) = home.reports()
        assert isinstance(crash, ActorCrashed)
        assert (crash.error, crash.count, crash.spent) == (
            "ZeroDivisionError: a bug of ours",
            1,
            False,
        )
        assert "in check" in crash.trace
        bugs.broken.clear()
        await trio.sleep(1.0)
        assert home.checked("a") == 1
        assert home.supervisor.health()["a"].restarts == 1
        await home.supervisor.stop("a")
        assert home.supervisor.restarts == 1  # a counter of metrics never falls


async def test_a_crash_does_not_affect_other_actors(autojump_clock: MockClock) -> None:
    async with house(Bugs({"a"})) as home:
        for name in ("a", "b"):
            home.supervisor.start(provider(name, interval_seconds=10.0, jitter=0.0))
        await trio.sleep(100.0)
        assert home.supervisor.health()["a"].state == "given up"
        assert home.checked("b") in {10, 11}


async def test_past_its_budget_an_actor_is_tried_at_the_longest_delay(
    autojump_clock: MockClock,
) -> None:
    bugs = Bugs({"a"})
    async with house(bugs) as home:
        home.supervisor.start(provider("a"))
        await trio.sleep(60.0)
        crashes = [r for r in home.reports() if isinstance(r, ActorCrashed)]
        assert [c.spent for c in crashes] == [False, False, True]
        await trio.sleep(60.0)  # the longest delay: it crashes again
        (again,) = home.reports()
        assert isinstance(again, ActorCrashed)
        assert again.spent
        bugs.broken.clear()
        await trio.sleep(60.0)
        assert home.checked("a") == 1
        assert home.supervisor.health()["a"].state == "running"


async def test_an_actor_that_was_given_up_is_tried_at_once_when_a_check_is_asked_for(
    autojump_clock: MockClock,
) -> None:
    bugs = Bugs({"a"})
    async with house(bugs) as home:
        home.supervisor.start(provider("a"))
        await trio.sleep(10.0)
        assert home.supervisor.health()["a"].state == "given up"
        assert await home.supervisor.check("a") is None  # it crashes once more
        bugs.broken.clear()
        asked = trio.current_time()
        result = await home.supervisor.check("a")
        assert result is not None
        assert trio.current_time() - asked < 1.0


async def test_a_request_does_not_wait_for_an_actor_about_to_be_restarted(
    autojump_clock: MockClock,
) -> None:
    async with house(Bugs({"a"})) as home:
        home.supervisor.start(provider("a"))
        await trio.sleep(1.5)
        assert home.supervisor.health()["a"].state == "restarting"
        asked = trio.current_time()
        assert await home.supervisor.check("a") is None
        assert trio.current_time() == asked


async def test_new_settings_give_a_given_up_actor_a_fresh_start(autojump_clock: MockClock) -> None:
    bugs = Bugs({"a"})
    async with house(bugs) as home:
        home.supervisor.start(provider("a"))
        await trio.sleep(10.0)
        assert home.supervisor.health()["a"].state == "given up"
        bugs.broken.clear()
        await home.supervisor.replace(provider("a", interval_seconds=60.0))
        await trio.sleep(1.0)
        assert home.checked("a") == 1


async def test_a_request_whose_check_crashes_is_answered(
    autojump_clock: MockClock,
) -> None:
    async with house(Bugs({"a"}, seconds=5.0)) as home:
        home.supervisor.start(provider("a"))
        with trio.fail_after(6.0):
            assert await home.supervisor.check("a") is None


async def test_actors_come_and_go_at_run_time(autojump_clock: MockClock) -> None:
    async with house(Bugs()) as home:
        home.supervisor.start(provider("a", interval_seconds=10.0))
        await trio.sleep(1.0)
        await home.supervisor.stop("a")
        home.supervisor.start(provider("b", interval_seconds=10.0))
        home.reports()
        await trio.sleep(100.0)
        assert home.checked("a") == 0
        assert list(home.supervisor.health()) == ["b"]
        assert await home.supervisor.check("a") is None


async def test_a_stopped_actor_answers_waiting_requests(autojump_clock: MockClock) -> None:
    async with house(Bugs(seconds=5.0)) as home:
        home.supervisor.start(provider("a"))
        answers = []

        async def ask() -> None:
            answers.append(await home.supervisor.check("a"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(1.0)
            await home.supervisor.stop("a")
        assert answers == [None]


async def test_a_provider_that_is_switched_off_is_not_checked(autojump_clock: MockClock) -> None:
    async with house(Bugs()) as home:
        home.supervisor.start(provider("a", enabled=False))
        await trio.sleep(1000.0)
        assert home.reports() == []
        assert home.supervisor.health()["a"].state == "switched off"
        assert await home.supervisor.check("a") is None


async def test_changed_timing_publishes_the_new_plan(autojump_clock: MockClock) -> None:
    async with house(Bugs()) as home:
        home.supervisor.start(provider("a", interval_seconds=3600.0))
        await trio.sleep(1.0)
        home.reports()
        await home.supervisor.replace(provider("a", interval_seconds=20.0))
        (plan,) = home.reports()
        assert isinstance(plan, CheckRescheduled)
        assert plan.next_due is not None
        assert plan.next_due <= trio.current_time() + 40.0
