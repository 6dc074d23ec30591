"""Many plain providers in one light process, for benchmarks.

``python -m tracker.testing.many_providers --count 1000 --latency-ms 50`` prints one JSON line each
(``name``, ``base_url``, ``hangs``), then answers until its standard input ends or it is stopped.
"""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import trio

from tracker.testing import openai_answers as answers
from tracker.testing.simulated import MODELS, PATH
from tracker.testing.toggleable_listener import HOST

END = b"\r\n\r\n"
Handler = Callable[[trio.SocketStream], Awaitable[None]]


async def answer(reply: bytes, latency: float, stream: trio.SocketStream) -> None:
    """Answer anything with the same reply ``latency`` seconds later; bodies are not expected."""
    unread = b""
    with suppress(trio.BrokenResourceError):
        async with stream:
            while data := await stream.receive_some():
                due = trio.current_time() + latency
                unread += data
                while END in unread:
                    unread = unread.partition(END)[2]
                    await trio.sleep_until(due)
                    await stream.send_all(reply)


async def hang(stream: trio.SocketStream) -> None:
    """Accept and read whatever comes, and never answer."""
    with suppress(trio.BrokenResourceError):
        async with stream:
            while await stream.receive_some():
                pass


async def open_many(nursery: trio.Nursery, handlers: Sequence[Handler]) -> list[str]:
    """Open one listener each; return their base URLs in the same order."""
    urls = []
    for handler in handlers:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handler, 0, host=HOST))
        urls.append(f"http://{HOST}:{listener.socket.getsockname()[1]}{PATH}")
    return urls


async def run(count: int, latency_ms: float, hanging: int) -> None:
    """Serve ``count`` providers, the last ``hanging`` silent; print one JSON line for each.

    Runs until its input ends.
    """
    reply = answers.model_list(MODELS, "simulated").encode()
    good: Handler = partial(answer, reply, latency_ms / 1000.0)
    handlers = [good] * (count - hanging) + [hang] * hanging
    async with trio.open_nursery() as nursery:
        for number, url in enumerate(await open_many(nursery, handlers)):
            line = {"name": f"p{number:04}", "base_url": url, "hangs": handlers[number] is hang}
            sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()


def raise_file_limit() -> None:
    """Raise the limit of open files: each provider needs a port and a connection."""
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Read the options and serve until the input ends or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--hang", type=int, default=0, help="the last so many never answer")
    options = parser.parse_args()
    raise_file_limit()
    with suppress(KeyboardInterrupt):
        trio.run(run, options.count, options.latency_ms, options.hang)


if __name__ == "__main__":
    main()
