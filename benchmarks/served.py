"""Servers to measure, each in its own process: ``python -m benchmarks.served KIND [COUNT]``.

Prints its URL, then serves until its standard input ends. A path of a database and an interval in
seconds may follow. Kinds: ``ours`` (a tracker over COUNT
simulated providers that are not asked), ``ordinary`` (the same without the fast path), ``locked``
(the same with a read token, which is the admin token), ``unusable`` (all of them fail), ``empty``
(a quart-trio application with one view that does nothing).
"""

import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
import trio
from hypercorn.config import Config as HyperConfig
from hypercorn.trio import serve as hypercorn_serve
from quart_trio import QuartTrio

from api.server import serve
from tracker import Tracker, run_tracker
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Config, Provider, ServerSettings, Timing
from tracker.probes.check import FunctionCheck

TOKEN = "only-of-a-benchmark-on-loopback"
MODELS = ("gpt-oss-20b", "llama-3.1-8b-instant")
BODY = b'{"best_provider":"groq","reason":"fast"}' + b" " * 260


@asynccontextmanager
async def open_check(
    provider: Provider, **_: Any
) -> AsyncIterator[Callable[[], Awaitable[CheckResult]]]:
    """Answer ok at once, with a latency per provider and without a request."""
    latency = 0.2 + (hash(provider.name) % 1000) / 1000.0

    async def check() -> CheckResult:
        return CheckResult(
            kind=OutcomeKind.OK,
            latency_ms=latency * 1000.0,
            facts=Facts(reachable=True),
            models=MODELS,
        )

    yield FunctionCheck(check)


@asynccontextmanager
async def open_bad(
    provider: Provider, **_: Any
) -> AsyncIterator[Callable[[], Awaitable[CheckResult]]]:
    """Answer with a refused connection at once."""

    async def check() -> CheckResult:
        return CheckResult(kind=OutcomeKind.AUTH, message=f"no key of {provider.name} is good")

    yield FunctionCheck(check)


async def ours(count: int, *, database: str, kind: str, interval: float = 300.0) -> None:
    timing = Timing(interval_seconds=interval, timeout_seconds=min(10.0, interval))
    config = Config(
        database=database,
        providers=tuple(
            Provider(name=f"provider-{n:04}", base_url="http://127.0.0.1:1", timing=timing)
            for n in range(count)
        ),
        server=ServerSettings(
            port=0,
            fast_lane=kind != "ordinary",
            admin_token=Secret(TOKEN),
            read_token=Secret(TOKEN) if kind == "locked" else None,
        ),
    )

    async def track(config: Config, *, task_status: trio.TaskStatus[Tracker]) -> None:
        async with trio.open_nursery() as nursery:
            tracker = await nursery.start(
                partial(
                    run_tracker, config, open_check=open_bad if kind == "unusable" else open_check
                )
            )
            await tracker.check()
            task_status.started(tracker)
            await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
            tracker.stop()

    await serve(config, track=track)


async def empty() -> None:
    """Build an empty application: the least that any application on this server costs."""
    app = QuartTrio("empty", static_folder=None)

    @app.get("/")
    async def nothing() -> tuple[bytes, dict[str, str]]:
        return BODY, {"Content-Type": "application/json"}

    config = HyperConfig()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(partial(hypercorn_serve, app, config, mode="asgi"))
        print(url, flush=True)
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    kind, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 15
    if kind == "empty":
        trio.run(empty)
        return
    with tempfile.TemporaryDirectory() as folder:
        database = sys.argv[3] if len(sys.argv) > 3 else f"{folder}/served.db"
        interval = float(sys.argv[4]) if len(sys.argv) > 4 else 300.0
        run = partial(ours, count, database=database, kind=kind, interval=interval)
        trio.run(run)


if __name__ == "__main__":
    main()
