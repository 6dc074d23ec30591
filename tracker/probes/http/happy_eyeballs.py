"""Connecting to the first of several addresses that accepts (RFC 8305, "Happy Eyeballs")."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import httpcore
import trio

HEAD_START = 0.25  # seconds before the next address is tried in parallel (RFC 8305)


class Closable(Protocol):
    def close(self) -> None:
        """Close at once; never blocks."""
        ...


S = TypeVar("S", bound=Closable)


async def first_connected(connect: Callable[[str], Awaitable[S]], addresses: Sequence[str]) -> S:
    """Return what ``connect`` gave for the first address to accept (RFC 8305); close the others.

    Raises the last failure when all have failed.
    """
    if len(addresses) == 1:
        return await connect(addresses[0])
    connected: list[S] = []
    failures: list[httpcore.ConnectError] = []

    async def attempt(address: str, failed: trio.Event) -> None:
        try:
            connected.append(await connect(address))
        except httpcore.ConnectError as error:
            failures.append(error)
            failed.set()
        else:
            nursery.cancel_scope.cancel()

    try:
        async with trio.open_nursery() as nursery:
            for address in addresses:
                failed = trio.Event()
                nursery.start_soon(attempt, address, failed)
                with trio.move_on_after(HEAD_START):
                    await failed.wait()
    except BaseException:  # cancelled at the very moment a connection was accepted
        for late in connected:
            late.close()
        raise
    for late in connected[1:]:
        late.close()
    if not connected:
        raise failures[-1]
    return connected[0]
