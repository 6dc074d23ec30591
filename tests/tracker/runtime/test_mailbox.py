"""The mailbox: what is sent arrives in order, and its end has one name."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tracker.runtime.mailbox import Mailbox, StoppedError
from tracker.runtime.messages import Message, ProviderRemoved, Publish


async def test_publish_waits_until_everything_sent_before_is_posted(mock_clock: MockClock) -> None:
    outbox, inbox = trio.open_memory_channel[Message](10)
    mailbox, ended = Mailbox(outbox), trio.Event()

    async def publish() -> None:
        await mailbox.publish()
        ended.set()

    async with trio.open_nursery() as nursery:
        await mailbox.send(ProviderRemoved(name="a"))
        nursery.start_soon(publish)
        await wait_all_tasks_blocked()
        assert await inbox.receive() == ProviderRemoved(name="a")
        message = await inbox.receive()
        assert isinstance(message, Publish)
        await wait_all_tasks_blocked()
        assert not ended.is_set()
        message.done.set()
        await ended.wait()


async def test_a_full_mailbox_makes_its_sender_wait(autojump_clock: MockClock) -> None:
    outbox, inbox = trio.open_memory_channel[Message](1)
    mailbox = Mailbox(outbox)
    await mailbox.send(ProviderRemoved(name="a"))
    with trio.move_on_after(60.0) as patience:
        await mailbox.send(ProviderRemoved(name="b"))
    assert patience.cancelled_caught
    assert await inbox.receive() == ProviderRemoved(name="a")
    await mailbox.send(ProviderRemoved(name="c"))
    assert await inbox.receive() == ProviderRemoved(name="c")


@pytest.mark.parametrize("error", [trio.ClosedResourceError(), RuntimeError("Nursery is closed")])
async def test_a_closed_mailbox_means_the_end_only_after_a_stop_was_requested(
    error: Exception,
) -> None:
    outbox, _ = trio.open_memory_channel[Message](1)
    mailbox = Mailbox(outbox)
    with pytest.raises(type(error)), mailbox.unless_stopped():
        raise error
    mailbox.stop.set()
    with pytest.raises(StoppedError, match="shutting down") as caught, mailbox.unless_stopped():
        raise error
    assert caught.value.__cause__ is error


async def test_other_errors_are_raised_unchanged() -> None:
    outbox, _ = trio.open_memory_channel[Message](1)
    mailbox = Mailbox(outbox)
    mailbox.stop.set()
    with pytest.raises(ValueError, match="impossible"), mailbox.unless_stopped():
        raise ValueError("impossible")


async def test_waiting_for_a_snapshot_ends_with_the_tracker() -> None:
    outbox, _ = trio.open_memory_channel[Message](1)
    mailbox = Mailbox(outbox)
    outbox.close()
    mailbox.stop.set()
    with pytest.raises(StoppedError):
        await mailbox.publish()
