"""A tracker that watches nobody, for what only a running one can tell."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tracker import Config, Tracker, run_tracker
from tracker.runtime.logs import configure_logs


@asynccontextmanager
async def quiet_tracker() -> AsyncIterator[Tracker]:
    configure_logs(level="error")
    with tempfile.TemporaryDirectory() as folder:
        config = Config(database=str(Path(folder) / "empty.db"), schedule=False)
        async with trio.open_nursery() as nursery:
            tracker = await nursery.start(run_tracker, config)
            yield tracker
            tracker.stop()
