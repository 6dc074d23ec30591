"""More clients than places: silent ones are disconnected, those being answered stay."""

import attrs
import pytest
import trio
from trio.testing import MockClock

from api.connection_counts import Cut, Refusal
from api.serving.connection_limit import (
    LEAST_SECONDS,
    RETRIES,
    RETRY_SECONDS,
    ConnectionLimit,
    Place,
)
from api.serving.descriptors import FEWEST, MOST, connection_limit


@attrs.define(eq=False)
class Client:
    """unread: it sent data that the server has not read."""

    peer: str = ""
    unread: bool = False
    was_cut: bool = False

    def has_unread(self) -> bool:
        return self.unread

    async def cut(self) -> None:
        await trio.lowlevel.checkpoint()
        self.was_cut = True


@attrs.define(eq=False)
class Crowd:
    """Clients that stay connected until the test ends. places: of admitted clients."""

    limit: ConnectionLimit
    nursery: trio.Nursery
    places: dict[Client, Place | None] = attrs.field(factory=dict)

    async def connect(self, *clients: Client) -> None:
        """Connect them one after the other."""
        for client in clients:
            await self.nursery.start(self._stay, client)

    async def _stay(
        self, client: Client, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with self.limit.place_for(client) as place:
            self.places[client] = place
            task_status.started()
            await trio.sleep_forever()

    async def connect_at_once(self, *clients: Client) -> None:
        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(self.connect, client)

    def place(self, client: Client) -> Place:
        place = self.places[client]
        assert place is not None
        return place

    def ask(self, *clients: Client) -> list[bool]:
        return [self.place(client).begin() is None for client in clients]

    def answer(self, client: Client) -> None:
        self.place(client).rest(trio.current_time())


@pytest.fixture
def limit() -> ConnectionLimit:
    return ConnectionLimit(3)


def cut(*clients: Client) -> list[bool]:
    return [client.was_cut for client in clients]


async def test_the_client_silent_for_longest_is_disconnected_first(limit: ConnectionLimit) -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        busy, silent, later, newest = (Client() for _ in range(4))
        await crowd.connect(busy, silent, later)
        crowd.ask(busy)
        await crowd.connect(newest)
        assert cut(busy, silent, later, newest) == [False, True, False, False]
        nursery.cancel_scope.cancel()


async def test_clients_that_never_sent_a_request_are_disconnected_before_idle_ones(
    limit: ConnectionLimit, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        kept, half_open, other = (Client() for _ in range(3))
        await crowd.connect(kept)
        crowd.ask(kept)
        crowd.answer(kept)
        await trio.sleep(5.0)
        await crowd.connect(half_open, other)
        await trio.sleep(2.0)
        await crowd.connect(Client())
        assert cut(kept, half_open, other) == [False, True, False]
        nursery.cancel_scope.cancel()


async def test_a_new_client_has_a_second_to_send_a_request(
    limit: ConnectionLimit, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        resting, other, new = (Client() for _ in range(3))
        await crowd.connect(resting, other)
        for client in (resting, other):
            crowd.ask(client)
            crowd.answer(client)
        await trio.sleep(0.5)
        await crowd.connect(new)
        await trio.sleep(0.5)
        await crowd.connect(Client())
        assert cut(resting, other, new) == [True, False, False]
        nursery.cancel_scope.cancel()


async def test_idle_time_counts_from_the_last_answer(
    limit: ConnectionLimit, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        first, second, third = clients = [Client() for _ in range(3)]
        await crowd.connect(*clients)
        for client in (first, second, third, first):
            crowd.ask(client)
            await trio.sleep(0.1)
            crowd.answer(client)
        await crowd.connect(Client())
        assert cut(first, second, third) == [False, True, False]
        nursery.cancel_scope.cancel()


async def test_no_client_with_an_unread_request_is_disconnected(limit: ConnectionLimit) -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        asked, silent, later = Client(unread=True), Client(), Client()
        await crowd.connect(asked, silent, later)
        await crowd.connect(Client())
        assert cut(asked, silent, later) == [False, True, False]
        nursery.cancel_scope.cancel()


async def test_the_next_client_waits_while_all_requests_are_unread(
    limit: ConnectionLimit, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        clients = [Client(unread=True) for _ in range(3)]
        await crowd.connect(*clients)
        newest = Client()
        nursery.start_soon(crowd.connect, newest)
        await trio.sleep(RETRY_SECONDS * RETRIES / 2)
        assert cut(*clients, newest) == [False] * 4
        clients[1].unread = False  # it was read and answered
        await trio.sleep(RETRY_SECONDS * RETRIES / 2)
        assert cut(*clients, newest) == [False, True, False, False]
        assert crowd.places[newest] is not None
        nursery.cancel_scope.cancel()


async def test_in_a_burst_each_new_client_gets_the_place_freed_for_it() -> None:
    limit = ConnectionLimit(20)
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        await crowd.connect(*(Client() for _ in range(20)))
        await crowd.connect_at_once(*(Client() for _ in range(20)))
        assert all(crowd.places.values())
        assert (limit.counts.refused, limit.counts.cut) == ({}, {Cut.IDLE: 20})
        nursery.cancel_scope.cancel()


async def test_while_all_clients_are_being_answered_the_newest_is_refused_and_counted(
    limit: ConnectionLimit,
) -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        clients = [Client() for _ in range(3)]
        await crowd.connect(*clients)
        crowd.ask(*clients)
        newest = Client()
        await crowd.connect(newest)
        assert cut(*clients, newest) == [False, False, False, True]
        assert (crowd.places[newest], limit.counts.refused) == (None, {Refusal.FULL: 1})
        nursery.cancel_scope.cancel()


async def test_an_eighth_of_the_places_is_closed_to_ordinary_requests() -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(ConnectionLimit(16), nursery)
        clients = [Client() for _ in range(16)]
        await crowd.connect(*clients)
        assert crowd.ask(*clients) == [True] * 14 + [False] * 2
        crowd.answer(clients[0])
        assert crowd.ask(clients[15], clients[0]) == [True, False]
        nursery.cancel_scope.cancel()


async def test_a_disconnected_client_is_not_idle_again_when_its_answer_ends(
    limit: ConnectionLimit,
) -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        first, *others = (Client() for _ in range(3))
        await crowd.connect(first, *others)
        await crowd.connect(Client())
        assert first.was_cut
        crowd.answer(first)
        for _ in range(3):
            await crowd.connect(Client())
        assert not limit.counts.refused
        nursery.cancel_scope.cancel()


async def test_a_new_client_is_not_disconnected_however_many_arrive(
    limit: ConnectionLimit, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        clients = [Client() for _ in range(3)]
        await crowd.connect(*clients)
        newest = Client()
        nursery.start_soon(crowd.connect, newest)
        await trio.sleep(LEAST_SECONDS * 0.5)
        assert cut(*clients, newest) == [False] * 4
        await trio.sleep(LEAST_SECONDS)
        assert cut(*clients, newest) == [True, False, False, False]
        nursery.cancel_scope.cancel()


async def test_the_next_are_accepted_once_those_before_have_their_places(
    limit: ConnectionLimit, autojump_clock: MockClock
) -> None:
    await limit.placed()
    limit.expect(2)
    with trio.move_on_after(1.0) as waiting:
        await limit.placed()
    assert waiting.cancelled_caught
    for _ in range(2):
        async with limit.place_for(Client()):
            pass
    await limit.placed()


async def test_fast_path_requests_have_places_that_others_do_not() -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(ConnectionLimit(16), nursery)
        clients = [Client() for _ in range(16)]
        await crowd.connect(*clients)
        assert crowd.ask(*clients[:14]) == [True] * 14
        assert crowd.place(clients[14]).begin(is_hot=True) is None
        assert crowd.place(clients[15]).begin(is_hot=True) is Refusal.CROWDED
        nursery.cancel_scope.cancel()


async def test_one_address_has_three_quarters_of_the_answers_and_others_the_rest() -> None:
    limit = ConnectionLimit(16)
    async with trio.open_nursery() as nursery:
        crowd = Crowd(limit, nursery)
        greedy, others = [Client(peer="a") for _ in range(13)], [Client(peer="b") for _ in range(2)]
        await crowd.connect(*greedy, *others)
        assert crowd.ask(*greedy[:12]) == [True] * 12
        assert crowd.place(greedy[12]).begin() is Refusal.PEER
        assert crowd.ask(*others) == [True] * 2
        crowd.answer(greedy[0])
        crowd.answer(others[0])
        assert crowd.ask(greedy[12]) == [True]
        nursery.cancel_scope.cancel()
    assert not limit._owed_to


async def test_one_address_leaves_room_for_the_hot_questions_of_others() -> None:
    async with trio.open_nursery() as nursery:
        crowd = Crowd(ConnectionLimit(32), nursery)
        greedy, other = [Client(peer="a") for _ in range(31)], Client(peer="b")
        await crowd.connect(*greedy, other)
        found = [crowd.place(client).begin(is_hot=True) for client in greedy]
        assert found == [None] * 28 + [Refusal.PEER] * 3
        assert crowd.place(other).begin(is_hot=True) is None
        nursery.cancel_scope.cancel()


async def test_a_client_that_left_uses_no_place() -> None:
    limit = ConnectionLimit(1)
    for _ in range(3):
        client = Client()
        async with limit.place_for(client) as place:
            assert place is not None
            place.begin()
    assert (limit.counts.refused, limit.counts.cut, limit.counts.open) == ({}, {}, 0)


def test_clients_leave_the_descriptors_that_checks_need() -> None:
    assert connection_limit(10, 1024) + 3 * 10 < 1024
    assert connection_limit(1_000, 65_536) == MOST
    assert connection_limit(1_000, 1024) == FEWEST
    assert connection_limit(1, None) == MOST
