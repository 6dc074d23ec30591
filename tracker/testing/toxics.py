"""Toxiproxy's toxics, under its names and units (github.com/Shopify/toxiproxy, README)."""

import random
from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum

import attrs
import trio
from attrs.validators import ge, gt

Data = bytes  # its name where a toxic has a field called bytes
Onward = Callable[[Data], Awaitable[None]]


class Direction(StrEnum):
    """Which way data goes through the proxy."""

    UPSTREAM = "upstream"  # from the client to the server
    DOWNSTREAM = "downstream"


class ConnectionClosed(Exception):  # noqa: N818 (an order, not an error)
    """A toxic ends the connection."""


@attrs.define(eq=False)
class Link:
    """One direction of one connection. ``arrived``: when the data now carried was read."""

    direction: Direction
    dice: random.Random
    arrived: float = 0.0
    # bytes, by the toxic that counts them
    passed: "dict[LimitData, int]" = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class Toxic:
    """A fault in one direction of a proxy. Two equal ones are still two."""

    direction: Direction = Direction.DOWNSTREAM

    async def carry(self, data: bytes, *, onward: Onward, link: Link) -> None:  # noqa: ARG002
        """Pass the data on, changed by the fault; raise ConnectionClosed to end the connection."""
        await onward(data)

    async def close(self) -> None:
        """Run before the end of the data is passed on."""


@attrs.frozen(kw_only=True, eq=False)
class Latency(Toxic):
    """Everything comes ``latency_ms`` ± ``jitter_ms`` later."""

    latency_ms: float = attrs.field(validator=ge(0.0))
    jitter_ms: float = attrs.field(default=0.0, validator=ge(0.0))

    async def carry(self, data: bytes, *, onward: Onward, link: Link) -> None:
        """Pass data on after the latency and its jitter."""
        delay_ms = self.latency_ms + self.jitter_ms * link.dice.uniform(-1.0, 1.0)
        arrived = link.arrived
        due = arrived + max(0.0, delay_ms) / 1000.0
        await trio.sleep_until(due)
        link.arrived = due  # for a Latency after this one: delays add up
        await onward(data)
        link.arrived = arrived  # for the next piece of the same chunk


@attrs.frozen(kw_only=True, eq=False)
class Bandwidth(Toxic):
    """``rate`` in KB/s."""

    rate: float = attrs.field(validator=gt(0.0))

    async def carry(self, data: bytes, *, onward: Onward, link: Link) -> None:  # noqa: ARG002
        """Pass data on at the bandwidth, piece by piece."""
        a_tenth_second = max(1, int(self.rate * 1000.0 * 0.1))
        for piece in _pieces(data, lambda: a_tenth_second):
            await trio.sleep(len(piece) / (self.rate * 1000.0))
            await onward(piece)


@attrs.frozen(kw_only=True, eq=False)
class SlowClose(Toxic):
    """The end of the data is passed on ``delay_ms`` later."""

    delay_ms: float = attrs.field(validator=ge(0.0))

    async def close(self) -> None:
        """Wait before the connection is closed."""
        await trio.sleep(self.delay_ms / 1000.0)


@attrs.frozen(kw_only=True, eq=False)
class Timeout(Toxic):
    """Data is swallowed; the connection is closed after ``timeout_ms``, with 0 never."""

    timeout_ms: float = attrs.field(default=0.0, validator=ge(0.0))

    @property
    def ends_after(self) -> float | None:
        """Return seconds after the later of connecting and being added."""
        return self.timeout_ms / 1000.0 or None

    async def carry(self, data: bytes, *, onward: Onward, link: Link) -> None:
        """Swallow every byte: the client waits for its own time-out."""


@attrs.frozen(kw_only=True, eq=False)
class ResetPeer(Timeout):
    """Data is swallowed; the connection is reset (RST) after ``timeout_ms``, with 0 at once."""

    @property
    def ends_after(self) -> float | None:
        """Return the seconds until the connection is reset."""
        return self.timeout_ms / 1000.0


@attrs.frozen(kw_only=True, eq=False)
class Slicer(Toxic):
    """Data comes in slices of ``average_size`` ± ``size_variation`` bytes, ``delay_us`` apart."""

    average_size: int = attrs.field(validator=ge(1))
    size_variation: int = attrs.field(default=0, validator=ge(0))
    delay_us: float = attrs.field(default=0.0, validator=ge(0.0))

    async def carry(self, data: bytes, *, onward: Onward, link: Link) -> None:
        """Pass data on in small pieces with pauses between."""

        def size() -> int:
            offset = link.dice.randint(-self.size_variation, self.size_variation)
            return max(1, self.average_size + offset)

        for piece in _pieces(data, size):
            await onward(piece)
            await trio.sleep(self.delay_us / 1e6)


@attrs.frozen(kw_only=True, eq=False)
class LimitData(Toxic):
    """The connection is closed once ``bytes`` have passed."""

    bytes: int = attrs.field(validator=ge(0))

    async def carry(self, data: Data, *, onward: Onward, link: Link) -> None:
        """Pass on what the limit leaves, then end the connection."""
        passed = link.passed.get(self, 0)
        allowed = data[: max(0, self.bytes - passed)]
        link.passed[self] = passed + len(allowed)
        if allowed:
            await onward(allowed)
        if link.passed[self] >= self.bytes:
            raise ConnectionClosed


def _pieces(data: bytes, size: Callable[[], int]) -> Iterator[bytes]:
    begin = 0
    while begin < len(data):
        end = begin + size()
        yield data[begin:end]
        begin = end
