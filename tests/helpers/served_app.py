"""The server over a fake tracker, on a real socket, and clients that send raw bytes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import trio

from api.server import serve
from tests.helpers.idle_tracker import a_provider, a_tracker
from tests.helpers.waiting import GIVE_UP_SECONDS

PROMPT_SECONDS = 15.0  # well below the keep-alive time, after which anything would be closed


@asynccontextmanager
async def serving(tracker: Any = None, **options: Any) -> AsyncIterator[Any]:
    """A server over a fake tracker; gives its URL, and ends it in order."""
    tracker = tracker or a_tracker(a_provider(), port=0)
    announced, receive = trio.open_memory_channel(1)
    ended = trio.Event()

    async def run() -> None:
        await serve(
            tracker.config,
            announce=announced.send_nowait,
            track=tracker.track,
            heed_signals=False,
            **options,
        )
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        with trio.fail_after(GIVE_UP_SECONDS):
            yield httpx.URL(await receive.receive())
            tracker.stop()
            await ended.wait()


async def connect(url: Any) -> Any:
    return await trio.open_tcp_stream(url.host, url.port)


async def read_until(stream: Any, wanted: Any) -> Any:
    said = b""
    while wanted not in said:
        said += await stream.receive_some()
    return said


async def raw(url: Any, request: Any, seconds: float = GIVE_UP_SECONDS) -> Any:
    """Everything the server says until it closes, or until ``seconds`` are over."""
    said = b""
    with trio.move_on_after(seconds):
        async with await connect(url) as stream:
            try:
                await stream.send_all(request)
                async for data in stream:
                    said += data
            except trio.BrokenResourceError:
                pass
    return said
