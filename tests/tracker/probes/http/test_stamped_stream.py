"""tracker.probes.http.stamped_stream: when bytes arrived, however late our own loop is."""

import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import attrs
import pytest
import trio

from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.probes.http import network, stamped_stream
from tracker.probes.http.stamped_stream import StampedStream

LIST = b'{"object": "list", "data": []}'
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(LIST), LIST)
linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the kernel stamps no TCP connection"
)


def connected() -> tuple[StampedStream, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    ours.setblocking(False)
    return StampedStream(ours), theirs


async def let_stamping_begin() -> None:
    """The kernel starts a moment after a process of this machine first asks for it."""
    stream, theirs = connected()
    with theirs, trio.fail_after(GIVE_UP_SECONDS):
        async with stream:
            while not stream.stamped:
                theirs.sendall(b".")
                await stream.receive_some()


@linux_only
async def test_bytes_arrived_when_the_kernel_had_them_and_not_when_we_read_them() -> None:
    await let_stamping_begin()
    stream, theirs = connected()
    async with stream:
        with theirs:
            theirs.sendall(b"answer")  # over loopback it is there when this returns
            there = trio.current_time()
            time.sleep(0.05)  # noqa: ASYNC251 (our own loop is held, the fault itself)
            assert await stream.receive_some() == b"answer"
        assert stream.stamped
        assert stream.arrived <= there


@linux_only
async def test_the_end_of_a_connection_is_no_byte_of_the_answer() -> None:
    await let_stamping_begin()
    stream, theirs = connected()
    async with stream:
        theirs.sendall(b"answer")
        theirs.close()
        await stream.receive_some(6)
        arrived = stream.arrived
        assert await stream.receive_some() == b""
        assert (stream.arrived, stream.stamped) == (arrived, True)


async def test_without_a_stamp_the_clock_is_read_with_the_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stamped_stream, "request_stamps", lambda _: False)
    stream, theirs = connected()
    async with stream:
        with theirs:
            theirs.sendall(b"answer")
            before = trio.current_time()
            await stream.receive_some()
        assert not stream.stamped
        assert stream.arrived >= before


async def test_a_connection_that_breaks_is_named_as_trio_names_it() -> None:
    stream, theirs = connected()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()  # a reset
    async with stream:
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()


async def test_a_close_wakes_the_reader() -> None:
    stream, theirs = connected()

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive_some()

    with theirs, trio.fail_after(GIVE_UP_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            await stream.aclose()


@linux_only
async def test_a_blocked_event_loop_is_not_part_of_the_latency() -> None:
    """The server answers from a thread while our loop stands still, and is read long after."""
    held: list[float] = []
    await let_stamping_begin()

    def answer(listener: socket.socket) -> None:
        theirs, _ = listener.accept()
        with theirs:
            theirs.recv(65_536)
            trio.from_thread.run_sync(hold, theirs, trio_token=token)
            done.wait()

    def hold(theirs: socket.socket) -> None:
        theirs.sendall(GOOD)
        began = time.perf_counter()
        time.sleep(0.3)  # blocks our own loop: the fault under test
        held.append((time.perf_counter() - began) * 1000.0)

    token, done = trio.lowlevel.current_trio_token(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        began = trio.current_time()
        async with open_check(Provider(name="here", base_url=url)) as check:
            found = await check()
        whole = (trio.current_time() - began) * 1000.0
        done.set()
    assert found.latency_stamped
    assert found.latency_ms is not None
    assert found.latency_ms <= whole - held[0]


@attrs.define
class InterruptedSocket:
    """A socket whose process loses its processor before and after it sends, for seconds."""

    real: socket.socket
    before: float
    after: float

    def send(self, data: memoryview) -> int:
        time.sleep(self.before)
        taken = self.real.send(data)
        time.sleep(self.after)
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


async def check_interrupted(
    monkeypatch: pytest.MonkeyPatch, *, before: float = 0.0, after: float = 0.0
) -> CheckResult:
    """Check a provider that answers at once from a thread."""
    await let_stamping_begin()

    def open_stream(connected: socket.socket) -> StampedStream:
        stream = StampedStream(connected)
        held: Any = InterruptedSocket(connected, before, after)
        stream.socket = held
        return stream

    def answer(listener: socket.socket) -> None:
        theirs, _ = listener.accept()
        with theirs:
            theirs.recv(65_536)
            theirs.sendall(GOOD)
            theirs.recv(1)

    monkeypatch.setattr(network, "StampedStream", open_stream)
    monkeypatch.setattr(network, "MOST_UNSURE", 0.005)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        async with open_check(Provider(name="here", base_url=url)) as check:
            return await check()


@linux_only
async def test_a_process_that_is_interrupted_while_it_sends_tells_no_latency(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody knows then whether the provider had the request before or after."""
    found = await check_interrupted(monkeypatch, before=0.1)
    assert (found.kind, found.latency_ms) == (OutcomeKind.OK, None)
    assert found.message == network.UNSURE


@linux_only
async def test_an_answer_proves_when_an_interrupted_request_had_been_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = await check_interrupted(monkeypatch, after=0.3)
    assert found.latency_ms is None or found.latency_ms < 5.0  # None: the answer was late as well
    assert found.message in {"", network.UNSURE}


async def test_waiting_for_room_in_the_socket_is_not_part_of_sending() -> None:
    stream, theirs = connected()
    with theirs, trio.fail_after(GIVE_UP_SECONDS):
        async with stream:
            filled = fill(stream.socket)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.send_all, b"request")
                await trio.testing.wait_all_tasks_blocked()
                waited = trio.current_time()
                while filled:
                    filled -= len(theirs.recv(min(filled, 65_536)))
            assert stream.sent is not None
            assert waited <= stream.sent <= stream.sent_by


def fill(sender: socket.socket) -> int:
    """Send until the socket takes no more; return how much that was."""
    filled = 0
    with suppress(BlockingIOError):
        while True:
            filled += sender.send(b"." * 65_536)
    return filled


async def test_everything_is_sent_if_the_socket_accepts_little_at_a_time() -> None:
    stream, theirs = connected()
    sent, got = b"x" * 5_000_000, 0
    theirs.setblocking(False)
    with theirs, trio.fail_after(GIVE_UP_SECONDS):
        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, sent)
            while got < len(sent):
                await trio.lowlevel.wait_readable(theirs)
                got += len(theirs.recv(65_536))
    assert got == len(sent)


async def test_an_interrupted_reading_of_the_clocks_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the two clocks our process may lose its processor, for milliseconds."""
    stream, theirs = connected()
    wall, interrupted = time.time, iter((0.05, 0.05))

    def read_wall() -> float:
        # as if other processes had our processor: the fault under test
        time.sleep(next(interrupted, 0.0))
        return wall()

    monkeypatch.setattr(time, "time", read_wall)
    async with stream:
        with theirs:
            before = trio.current_time()
            theirs.sendall(b"answer")
            await stream.receive_some()
    assert before <= stream.not_after
    assert stream.not_after - stream.arrived < 0.02


async def test_it_is_readable_once_something_came_or_ended() -> None:
    stream, theirs = connected()
    async with stream:
        assert not stream.is_readable()
        theirs.sendall(b".")
        await trio.lowlevel.wait_readable(stream.socket)
        assert stream.is_readable()
        await stream.receive_some()
        theirs.close()
        await trio.lowlevel.wait_readable(stream.socket)
        assert stream.is_readable()
    assert stream.is_readable()
