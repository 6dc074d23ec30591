"""Clients that wait are taken together, within one pass of the event loop."""

import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress

import pytest
import trio

from api.serving.batching_listener import AT_ONCE, BatchingListener
from api.serving.connection_limit import ConnectionLimit


class Client:
    def has_unread(self) -> bool:
        return False

    async def cut(self) -> None:
        raise AssertionError("there is room")


@pytest.fixture
async def listening() -> AsyncIterator[trio.SocketListener]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        yield listener


def connect(listener: trio.SocketListener, stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(listener.socket.getsockname()))


async def test_waiting_clients_are_accepted_without_a_pause(listening: trio.SocketListener) -> None:
    with ExitStack() as stack:
        clients = [connect(listening, stack) for _ in range(AT_ONCE + 1)]
        limit = ConnectionLimit(100)
        batching = BatchingListener(listening, limit)
        served = [await batching.accept()]
        with trio.CancelScope() as paused:
            paused.cancel()  # a task that pauses from here on is cancelled
            served += [await batching.accept() for _ in range(AT_ONCE - 1)]
            await batching.accept()
        assert paused.cancelled_caught
        names = {stream.socket.getpeername() for stream in served}
        assert names == {client.getsockname() for client in clients[:AT_ONCE]}
        with trio.move_on_after(0.1) as waiting:
            await batching.accept()
        assert waiting.cancelled_caught  # those before it have no place yet
        for _ in served:
            async with limit.place_for(Client()):
                pass
        last = await batching.accept()
        assert last.socket.getpeername() == clients[-1].getsockname()
        await batching.aclose()
        for stream in (*served, last):
            stream.socket.close()


async def test_accepted_but_unserved_clients_are_closed_and_the_port_is_freed(
    listening: trio.SocketListener,
) -> None:
    with ExitStack() as stack:
        clients = [connect(listening, stack) for _ in range(3)]
        batching = BatchingListener(listening, ConnectionLimit(100))
        first = await batching.accept()
        await batching.aclose()
        first.socket.close()
        for client in clients:
            client.settimeout(2.0)
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(clients[0].getpeername())
