"""Opening the port, with a reason and a way out where it cannot be opened."""

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from api.serving.errors import CannotListenError
from api.serving.free_port import next_free_port

BACKLOG = 1_024


@asynccontextmanager
async def open_listeners(host: str, port: int) -> AsyncIterator[list[trio.SocketListener]]:
    """Open the listeners. Raises CannotListenError.

    A port of 0 picks a free one, on one address.
    """
    try:
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    except OSError as error:
        raise CannotListenError(_why(host, port, error)) from error
    try:
        # With port 0 each address would get a different port.
        yield listeners[:1] if port == 0 else listeners
    finally:
        for listener in listeners:
            listener.socket.close()


def url_of(listener: trio.SocketListener) -> str:
    """Return the ``http://`` URL of a bound listener, an IPv6 host in brackets."""
    host, port, *_ = listener.socket.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        free = next_free_port(host, port)
        other = f"--port {free or 0}"
        is_free = "picks a free one" if free is None else "is free now"
        return (
            f"port {port} of {host} is in use: stop the program that uses it, "
            f'or choose another: {other} {is_free} (make run ARGS="{other}")'
        )
    if error.errno == errno.EACCES:
        return f"port {port} of {host} needs more privileges: choose one above 1023"
    return f"cannot listen on {host}, port {port}: {error.strerror or error}; check the host"
