"""A real tracker and server on loopback, for programs under test; its checks send no request."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from api.server import serve
from tests.helpers.factories import until_settled
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker import Tracker, run_tracker
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Config, Provider, ReportSettings, ServerSettings
from tracker.probes.check import FunctionCheck

REPORT_TOKEN = "report-token-of-the-tests"

LATENCY = {"groq": 0.18, "mistral": 0.24, "together": 0.31}  # seconds
MODELS = {
    "groq": ("llama-3.3-70b",),
    "mistral": ("mistral-small",),
    "together": ("meta-llama/Llama-3.3-70B",),
}


@attrs.define
class RealTracker:
    """``kinds``: what the next checks find; the default is OK."""

    url: str = ""
    kinds: dict[str, OutcomeKind] = attrs.field(factory=dict)
    _tracker: Tracker | None = None
    _token: Any = None

    def check(self, *names: str) -> None:
        """Check now; on return the ranking and the events contain the result."""
        assert self._tracker is not None
        trio.from_thread.run(self._tracker.check, *names, trio_token=self._token)

    @asynccontextmanager
    async def open_check(
        self, provider: Provider, **_: Any
    ) -> AsyncIterator[Callable[[], Awaitable[CheckResult]]]:
        async def check() -> CheckResult:
            kind = self.kinds.get(provider.name, OutcomeKind.OK)
            models = MODELS[provider.name] if kind is OutcomeKind.OK else None
            return CheckResult(kind=kind, latency_ms=LATENCY[provider.name] * 1000.0, models=models)

        yield FunctionCheck(check)

    async def track(self, config: Config, *, task_status: trio.TaskStatus[Tracker]) -> None:
        """run_tracker, which is said to have started when everything was checked once."""
        async with trio.open_nursery() as nursery:
            run = partial(run_tracker, config, open_check=self.open_check)
            self._tracker = await nursery.start(run)
            self._token = trio.lowlevel.current_trio_token()
            await until_settled(self._tracker)
            task_status.started(self._tracker)


@contextmanager
def real_tracker(
    folder: Path, server: ServerSettings = ServerSettings(port=0)
) -> Iterator[RealTracker]:
    config = Config(
        database=str(folder / "served.db"),
        providers=tuple(Provider(name=name, base_url="http://127.0.0.1:1") for name in LATENCY),
        server=server,
        reports=ReportSettings(token=Secret(REPORT_TOKEN)),
    )
    tracker = RealTracker()
    url: Future[str] = Future()
    stop: Future[Callable[[], None]] = Future()

    async def main() -> None:
        token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as scope:
            stop.set_result(partial(token.run_sync_soon, scope.cancel))
            await serve(config, announce=url.set_result, track=tracker.track)

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    try:
        tracker.url = url.result(GIVE_UP_SECONDS)
        yield tracker
    finally:
        stop.result()()
        thread.join()
