"""Names that cannot be resolved, while addresses can."""

import socket

import pytest
import trio

from tracker.testing import bad_dns


async def test_failing_resolves_addresses_but_no_name() -> None:
    with bad_dns.failing():
        with pytest.raises(socket.gaierror, match="not known"):
            await trio.socket.getaddrinfo("api.example", 443)
        assert await trio.socket.getaddrinfo("127.0.0.1", 443)
        assert await trio.socket.getaddrinfo("localhost", 443)


async def test_hanging_resolves_no_name_and_releases_its_threads() -> None:
    limiter, failures = trio.CapacityLimiter(1), []

    def look_up() -> None:
        try:
            socket.getaddrinfo("api.example", 443)
        except socket.gaierror as error:
            failures.append(error.errno)

    with bad_dns.hanging(), trio.move_on_after(0.05):
        await trio.to_thread.run_sync(look_up, limiter=limiter, abandon_on_cancel=True)
    assert limiter.borrowed_tokens == 1
    async with limiter:  # free only once the abandoned thread has ended
        assert failures == [socket.EAI_NONAME]


def test_the_real_resolver_is_back_afterwards() -> None:
    real = socket.getaddrinfo
    with pytest.raises(KeyError), bad_dns.failing():
        raise KeyError
    assert socket.getaddrinfo is real
