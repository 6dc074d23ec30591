"""Name resolution that fails or hangs while a block runs; addresses and ``localhost`` still work.

It replaces ``socket.getaddrinfo`` for the whole process. As with an unreachable resolver, a look-up
that hangs occupies its thread. When the block ends, hanging look-ups fail.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

Refusal = Callable[[], NoReturn]


@contextmanager
def failing() -> Iterator[None]:
    """Make every look-up of a name fail at once."""
    with _replace(_unknown):
        yield


@contextmanager
def hanging() -> Iterator[None]:
    """Make every look-up of a name hang until the block ends."""
    over = threading.Event()

    def hang() -> NoReturn:
        over.wait()
        _unknown()

    try:
        with _replace(hang):
            yield
    finally:
        over.set()


@contextmanager
def _replace(refuse: Refusal) -> Iterator[None]:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real(host, *args, **kwargs) if _needs_no_resolver(host) else refuse()

    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = real


def _needs_no_resolver(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _unknown() -> NoReturn:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
