"""tracker.runtime.collected_results: results that wait until the aggregator is awake anyway."""

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.helpers.factories import finding
from tracker.core.outcomes import OutcomeKind
from tracker.core.shared_wakes import WIDTH_SECONDS
from tracker.core.slices import at_once, in_turns
from tracker.runtime.collected_results import HANDLED_AT_ONCE, CollectedResults
from tracker.runtime.message_in_hand import MessageInHand
from tracker.runtime.messages import CheckCompleted, Message, ProviderRemoved


def result(name: str) -> CheckCompleted:
    return CheckCompleted(result=finding(OutcomeKind.OK, provider=name), next_due=None)


@attrs.define
class Desk:
    """A task that waits as the aggregator does, and what it has handled, with the time."""

    collected: CollectedResults = attrs.field(factory=CollectedResults)
    in_hand: MessageInHand = attrs.field(factory=MessageInHand)
    seen: list[tuple[str, float]] = attrs.field(factory=list)
    bug: str = ""

    def handle(self, message: Message) -> None:
        name = message.result.provider if isinstance(message, CheckCompleted) else "removal"
        if name == self.bug:
            self.bug = ""
            raise ValueError(name)
        self.seen.append((name, trio.current_time()))

    async def run(self, inbox: trio.MemoryReceiveChannel[Message]) -> None:
        while True:
            with trio.move_on_after(60.0) as until:
                self.collected.listen(inbox, until)
                message = await inbox.receive()
                await in_turns(self.collected.handle_in_steps(self.in_hand, self.handle))
                self.in_hand.process(message, self.handle)
            await in_turns(self.collected.handle_in_steps(self.in_hand, self.handle))


async def test_results_are_handled_together_at_the_next_shared_wake(
    autojump_clock: MockClock,
) -> None:
    desk = Desk()
    _outbox, inbox = trio.open_memory_channel[Message](9)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.run, inbox)
        await trio.sleep(0.51)
        assert desk.collected.take(result("a"))
        await trio.sleep(0.02)
        assert desk.collected.take(result("b"))
        assert desk.seen == []
        await trio.sleep(WIDTH_SECONDS)
        (_, first), (_, second) = desk.seen
        assert first == second == pytest.approx(0.6)
        assert [name for name, _ in desk.seen] == ["a", "b"]
        nursery.cancel_scope.cancel()


async def test_a_message_wakes_at_once_and_is_handled_after_what_came_before_it(
    autojump_clock: MockClock,
) -> None:
    desk = Desk()
    outbox, inbox = trio.open_memory_channel[Message](9)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.run, inbox)
        await trio.sleep(0.51)
        assert desk.collected.take(result("a"))
        outbox.send_nowait(ProviderRemoved(name="x"))
        assert not desk.collected.take(result("b"))  # it would be handled before the message
        await wait_all_tasks_blocked()
        assert [name for name, _ in desk.seen] == ["a", "removal"]
        assert desk.collected.take(result("c"))  # it waits again
        nursery.cancel_scope.cancel()


async def test_nothing_is_taken_while_nobody_waits() -> None:
    assert not Desk().collected.take(result("a"))


async def test_a_crash_loses_none_of_them(autojump_clock: MockClock) -> None:
    desk = Desk(bug="a")
    _outbox, inbox = trio.open_memory_channel[Message](9)
    with pytest.RaisesGroup(ValueError):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.run, inbox)
            await wait_all_tasks_blocked()
            for name in "abc":
                assert desk.collected.take(result(name))
    desk.in_hand.retry(desk.handle)
    at_once(desk.collected.handle_in_steps(desk.in_hand, desk.handle))
    assert [name for name, _ in desk.seen] == ["a", "b", "c"]


async def test_many_are_handled_in_steps_so_that_others_have_their_turn(
    autojump_clock: MockClock,
) -> None:
    desk = Desk()
    names = [f"p{number}" for number in range(3 * HANDLED_AT_ONCE)]
    _outbox, inbox = trio.open_memory_channel[Message](9)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.run, inbox)
        await wait_all_tasks_blocked()
        assert all(desk.collected.take(result(name)) for name in names)
        steps = desk.collected.handle_in_steps(desk.in_hand, desk.handle)
        assert [len(desk.seen) for _ in steps] == [HANDLED_AT_ONCE, 2 * HANDLED_AT_ONCE]
        assert [name for name, _ in desk.seen] == names
        nursery.cancel_scope.cancel()
