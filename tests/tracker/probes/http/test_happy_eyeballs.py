"""tracker.probes.http.happy_eyeballs: the first of several addresses to accept."""

from typing import Any

import httpcore
import pytest
import trio
from trio.testing import MockClock

from tracker.probes.http.happy_eyeballs import first_connected


async def test_an_address_that_hangs_does_not_delay_the_next(autojump_clock: MockClock) -> None:
    async def connect(address: Any) -> Any:
        if address == "hangs":
            await trio.sleep_forever()
        return address

    began = trio.current_time()
    assert await first_connected(connect, ["hangs", "answers"]) == "answers"
    assert trio.current_time() - began == 0.25


async def test_if_all_addresses_refuse_the_last_refusal_is_reported(
    autojump_clock: MockClock,
) -> None:
    async def connect(address: Any) -> None:
        raise httpcore.ConnectError(address)

    with pytest.raises(httpcore.ConnectError, match="two"):
        await first_connected(connect, ["one", "two"])
