"""A socket stream that knows when bytes arrived, from the kernel's time stamps if available.

Our event loop reads an answer when that task's turn comes: after imports, after a snapshot of a
thousand providers, after other work of the machine. The kernel stamps each packet on arrival, so
our own delays are not part of a latency.
"""

import socket
import struct
import sys
import time
from contextlib import suppress
from functools import cache

import trio

# Linux: asm-generic/socket.h; Python has no name for it. The stamp is a timespec of C longs.
SO_TIMESTAMPNS = 35
STAMP = struct.Struct("@ll")
ANCILLARY_BYTES = socket.CMSG_SPACE(STAMP.size) if hasattr(socket, "CMSG_SPACE") else 0
RECEIVED = 65_536


# Longest time between two readings of a clock around one of the other: more is an interruption.
READ_TOGETHER = 20e-6
TRIES = 5


class StampedStream(trio.abc.HalfCloseableStream):
    """A connected socket's stream that also knows when the bytes last read had arrived.

    arrived: trio seconds. stamped: by the kernel; otherwise it is when our task read them.
    not_after: they had certainly arrived by then, as clocks are read one after the other.
    sent: trio seconds of the first write since this was None. A TLS layer above may write later
    than it was told to. sent_by: the system certainly had its first bytes by then; much later than
    ``sent`` where our process lost its processor between the two.

    It uses the socket directly: trio's stream lets other tasks run after each call that succeeds
    immediately, which is needless here, as an exchange waits for its answer anyway. Every read here
    waits first. Only one task may read and one write.
    """

    def __init__(self, connected: socket.socket) -> None:
        with suppress(OSError):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stamping = request_stamps(connected)
        self.socket = connected
        self.arrived = 0.0
        self.not_after = 0.0
        self.stamped = False
        self.sent: float | None = None
        self.sent_by = 0.0

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive bytes and note when the kernel had them. Raises trio.BrokenResourceError."""
        while True:
            self._check_open()
            try:
                await trio.lowlevel.wait_readable(self.socket)
                data, stamp = self._receive(max_bytes or RECEIVED)
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._name(error) from error
            if data:  # the end of a connection is not part of an answer
                self._note(stamp)
            return data

    def _receive(self, max_bytes: int) -> tuple[bytes, float | None]:
        if not self.stamping:
            return self.socket.recv(max_bytes), None
        data, ancillary, *_ = self.socket.recvmsg(max_bytes, ANCILLARY_BYTES)
        return data, _stamp_of(ancillary)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of it; the first call after ``sent`` was cleared notes the time."""
        self._check_open()
        unsent, left = self.sent is None, memoryview(data)
        while left:
            if unsent:
                self.sent = trio.current_time()
            try:
                taken = self.socket.send(left)
            except BlockingIOError:
                await self.wait_send_all_might_not_block()
                continue
            except OSError as error:
                raise self._name(error) from error
            if unsent:
                self.sent_by, unsent = trio.current_time(), False
            left = left[taken:]

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket takes bytes."""
        self._check_open()
        await trio.lowlevel.wait_writable(self.socket)

    async def send_eof(self) -> None:
        """Close our direction alone."""
        self._check_open()
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close the socket; tasks waiting for it get an error."""
        if self.socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()
        await trio.lowlevel.checkpoint()

    def is_readable(self) -> bool:
        """Return whether bytes, an end or an error can be read at once.

        A closed one is at its end.
        """
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _note(self, stamp: float | None) -> None:
        """Note a stamp; both clocks are read at once, so a set wall clock hardly matters."""
        before, wall = trio.current_time(), time.time()
        after = trio.current_time()
        for _ in range(TRIES):
            if after - before < READ_TOGETHER:
                break
            before, wall = after, time.time()
            after = trio.current_time()
        self.stamped = stamp is not None and stamp <= wall
        age = 0.0 if stamp is None else max(wall - stamp, 0.0)
        self.arrived, self.not_after = before - age, after - age

    def _check_open(self) -> None:
        if self.socket.fileno() < 0:
            raise trio.ClosedResourceError("this socket was already closed")

    def _name(self, error: OSError) -> Exception:
        """Name it as trio's own stream does."""
        if self.socket.fileno() < 0:
            return trio.ClosedResourceError("this socket was already closed")
        return trio.BrokenResourceError(f"socket connection broken: {error}")


def request_stamps(connected: socket.socket) -> bool:
    """Ask the kernel to stamp what arrives; say whether it does so for a TCP connection."""
    return keep_stamping() is not None and _set_stamping(connected)


@cache
def keep_stamping() -> socket.socket | None:
    """Hold one socket that wants stamps, for the life of the process; None where there are none.

    The kernel begins a little after the first is asked for, and ends when the last is closed.
    """
    with suppress(OSError):
        holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if _set_stamping(holder):
            return holder
        holder.close()
    return None


def _set_stamping(one: socket.socket) -> bool:
    if sys.platform != "linux":  # other systems stamp only datagrams
        return False
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return True
    return False


def _stamp_of(ancillary: list[tuple[int, int, bytes]]) -> float | None:
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(value) == STAMP.size:
            seconds, nanoseconds = STAMP.unpack(value)
            return float(seconds) + float(nanoseconds) / 1e9
    return None
