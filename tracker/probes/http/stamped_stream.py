"""A socket's stream that knows when bytes arrived, by the kernel's clock where it tells.

Our event loop comes to an answer when it is that task's turn: after imports, after a snapshot of
a thousand providers, after whatever else the machine does. The kernel stamps each packet as it
comes, so what we add ourselves is in no latency.
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


class StampedStream(trio.abc.HalfCloseableStream):
    """trio's stream of a socket, with the moment at which the bytes read last had arrived.

    arrived: trio seconds. stamped: the kernel told it; else it is when our task read them.
    sent: trio seconds at which something was handed to the system, for the first time since this
    was None. TLS above may wait for its turn before it does that.
    """

    def __init__(self, connected: trio.socket.SocketType) -> None:
        self._stream = trio.SocketStream(connected)
        self._stamping = request_stamps(connected)
        self.socket = connected
        self.arrived = 0.0
        self.stamped = False
        self.sent: float | None = None

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive bytes and note when the kernel had them. Raises trio.BrokenResourceError."""
        if not self._stamping:
            data = await self._stream.receive_some(max_bytes)
            self._note(None)
            return data
        try:
            data, ancillary, *_ = await self.socket.recvmsg(max_bytes or RECEIVED, ANCILLARY_BYTES)
        except OSError as error:
            raise _stream_error(self.socket, error) from error
        if data:  # the end of a connection is no byte of an answer
            self._note(_stamp_of(ancillary))
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of it; the first call after ``sent`` was cleared notes the time."""
        if self.sent is None:
            self.sent = trio.current_time()
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket takes bytes."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Close our direction alone."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the socket."""
        await self._stream.aclose()

    def _note(self, stamp: float | None) -> None:
        """Both clocks are read at the same moment, so a set wall clock hardly matters."""
        now, wall = trio.current_time(), time.time()
        self.stamped = stamp is not None and stamp <= wall
        self.arrived = now if stamp is None else now - max(wall - stamp, 0.0)


def request_stamps(connected: trio.socket.SocketType) -> bool:
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


def _set_stamping(one: socket.socket | trio.socket.SocketType) -> bool:
    if sys.platform != "linux":  # elsewhere only datagrams are stamped
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


def _stream_error(connected: trio.socket.SocketType, error: OSError) -> Exception:
    """As trio's own stream names it."""
    if connected.fileno() == -1:
        return trio.ClosedResourceError("this socket was already closed")
    return trio.BrokenResourceError(f"socket connection broken: {error}")
