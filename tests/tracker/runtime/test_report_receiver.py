"""Batches are taken in slices, bounded, and wholly or not at all."""

import pytest
import trio
import trio.lowlevel

from tests.helpers.calls import batch, report
from tests.helpers.factories import START, provider
from tracker.core.clock import Clock
from tracker.core.redaction import Mask
from tracker.reports.admission import Allowance
from tracker.runtime.messages import CallsReported, Message
from tracker.runtime.report_receiver import (
    CALLS_PER_MESSAGE,
    ReportReceiver,
    TooManyReportsError,
)


def receiver(
    capacity: int = 1_000,
) -> tuple[ReportReceiver, trio.MemoryReceiveChannel[Message]]:
    outbox, inbox = trio.open_memory_channel[Message](capacity)
    clock = Clock(now=lambda: START, steady=trio.current_time)
    taking = ReportReceiver(outbox, clock, providers=lambda: (provider("groq"),), mask=Mask)
    return taking, inbox


async def test_calls_are_passed_on_in_pieces_that_do_not_block_the_loop() -> None:
    taking, inbox = receiver()
    receipt = await taking.receive(batch(*(report(str(n)) for n in range(1_000))))
    assert receipt.accepted == 1_000
    told = 0
    while told < 1_000:
        message = inbox.receive_nowait()
        assert isinstance(message, CallsReported)
        assert len(message.calls) <= CALLS_PER_MESSAGE
        told += len(message.calls)


async def test_others_run_while_a_batch_is_read() -> None:
    taking, _ = receiver()
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(turn)
        await taking.receive(batch(*(report(str(n)) for n in range(1_000))))
        nursery.cancel_scope.cancel()
    assert turns >= 5


async def test_a_sender_that_disconnects_midway_leaves_a_whole_batch() -> None:
    taking, inbox = receiver()
    with trio.CancelScope() as scope:
        scope.cancel()
        await taking.receive(batch(report()))
    message = inbox.receive_nowait()
    assert isinstance(message, CallsReported)


async def test_a_batch_over_the_allowance_is_refused_as_a_whole() -> None:
    taking, inbox = receiver()
    taking.intake.allowance = Allowance(left=1.0, at=taking.clock.steady())
    with pytest.raises(TooManyReportsError) as caught:
        await taking.receive(batch(*(report(str(n)) for n in range(1_000))))
    assert caught.value.retry_after > 0.0
    with pytest.raises(trio.WouldBlock):
        inbox.receive_nowait()
    await trio.lowlevel.checkpoint()
    assert (await taking.receive(batch(report("0")))).accepted == 1  # no id was used up
