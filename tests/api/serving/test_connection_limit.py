"""More clients than there is room for: those that ask nothing go, those that are answered stay."""

from contextlib import AsyncExitStack

import attrs

from api.serving.connection_limit import ConnectionLimit
from api.serving.descriptors import FEWEST, MOST, connection_limit


@attrs.define(eq=False)
class Client:
    idle: bool
    was_cut: bool = False

    def is_idle(self) -> bool:
        return self.idle

    async def cut(self) -> None:
        self.was_cut = True


async def connect(limit: ConnectionLimit, *clients: Client) -> list[bool]:
    """Connect them in turn; tell who was admitted while all of them stay."""
    async with AsyncExitStack() as stack:
        return [await stack.enter_async_context(limit.place_for(client)) for client in clients]


async def test_the_one_that_is_idle_longest_makes_room() -> None:
    busy, idle, later = Client(idle=False), Client(idle=True), Client(idle=True)
    limit = ConnectionLimit(3)
    assert await connect(limit, busy, idle, later, Client(idle=False)) == [True] * 4
    assert [client.was_cut for client in (busy, idle, later)] == [False, True, False]


async def test_where_all_are_answered_the_newest_is_refused_and_counted() -> None:
    clients = [Client(idle=False) for _ in range(4)]
    limit = ConnectionLimit(3)
    assert await connect(limit, *clients) == [True, True, True, False]
    assert [client.was_cut for client in clients] == [False, False, False, True]
    assert limit.refused == 1


async def test_who_has_left_takes_no_place() -> None:
    limit = ConnectionLimit(1)
    for _ in range(3):
        assert await connect(limit, Client(idle=False)) == [True]


def test_clients_leave_what_checks_need() -> None:
    assert connection_limit(10, 1024) + 3 * 10 < 1024
    assert connection_limit(1_000, 65_536) == MOST
    assert connection_limit(1_000, 1024) == FEWEST
    assert connection_limit(1, None) == MOST
