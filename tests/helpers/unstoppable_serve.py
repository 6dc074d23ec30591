"""A server whose tracker ends as it should, hangs at its end, or crashes, as its arguments say.

They are the database, which of the three (TRACKS), and how long its stop waits at most.
tests/process/test_server_process.py runs it.
"""

import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import trio

import api.server
from tracker.core.redaction import Secret
from tracker.core.settings import Config, Provider, ServerSettings, Timing
from tracker.runtime.service import run_tracker

POLL_SECONDS = 0.05


async def hang(config: Config, *, task_status: Any) -> None:
    async with trio.open_nursery() as nursery:
        tracker = await nursery.start(run_tracker, config)
        task_status.started(tracker)
        await trio.sleep_forever()


async def crash(config: Config, *, task_status: Any) -> None:
    """Run until there is a file beside the database."""
    async with trio.open_nursery() as nursery:
        tracker = await nursery.start(run_tracker, config)
        task_status.started(tracker)
        while not Path(f"{config.database}.crash").exists():  # noqa: ASYNC110
            await trio.sleep(POLL_SECONDS)
        raise RuntimeError("cannot continue")


TRACKS: dict[str, Any] = {"well": run_tracker, "hang": hang, "crash": crash}


def main(database: str, track: str, stop_seconds: str) -> None:
    """Watch twenty providers that refuse every connection, checked five times a second each."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    timing = Timing(interval_seconds=0.2, timeout_seconds=0.2, recheck_seconds=())
    providers = tuple(
        Provider(name=f"p{n}", base_url="http://127.0.0.1:9/v1", timing=timing) for n in range(20)
    )
    server = ServerSettings(port=0, admin_token=Secret("t"))
    config = Config(database=database, discover=False, providers=providers, server=server)
    vars(api.server)["STOP_SECONDS"] = float(stop_seconds)
    trio.run(partial(api.server.serve, config, track=TRACKS[track]))


if __name__ == "__main__":
    main(*sys.argv[1:])
