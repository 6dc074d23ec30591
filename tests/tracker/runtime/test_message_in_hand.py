"""A message that crashes the aggregator is tried once more, then dropped."""

import pytest
import trio

from tracker.runtime.message_in_hand import MessageInHand
from tracker.runtime.messages import Message, Publish


class Handler:
    """Handles messages, failing as often as it is told."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.handled: list[Message] = []

    def __call__(self, message: Message) -> None:
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        self.handled.append(message)


def test_a_message_is_handled_once_more_after_a_crash() -> None:
    hand, handle, message = MessageInHand(), Handler(failures=1), Publish(done=trio.Event())
    with pytest.raises(ZeroDivisionError):
        hand.process(message, handle)
    hand.retry(handle)
    hand.retry(handle)
    assert handle.handled == [message]
    assert hand.dropped == 0


def test_a_message_that_crashes_twice_is_dropped_and_its_sender_continues() -> None:
    hand, handle, message = MessageInHand(), Handler(failures=2), Publish(done=trio.Event())
    with pytest.raises(ZeroDivisionError):
        hand.process(message, handle)
    with pytest.raises(ZeroDivisionError):
        hand.retry(handle)
    assert not message.done.is_set()
    hand.retry(handle)
    assert message.done.is_set()
    assert (hand.dropped, handle.handled) == (1, [])


def test_a_later_message_has_two_attempts_of_its_own() -> None:
    hand, message = MessageInHand(), Publish(done=trio.Event())
    for _ in range(2):
        handle = Handler(failures=1)
        with pytest.raises(ZeroDivisionError):
            hand.process(message, handle)
        hand.retry(handle)
        assert handle.handled == [message]
    assert hand.dropped == 0
