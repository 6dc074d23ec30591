"""Sending queued reports in batches in the background; an unreachable tracker costs nothing."""

import json
import math
import time
from collections.abc import Callable
from typing import NoReturn

import anyio
import attrs

from tracker.client.connection import (
    Connection,
    TrackerBusyError,
    TrackerRefusalError,
    TrackerUnavailableError,
)
from tracker.client.report_queue import QueuedReport, ReportBuilder, ReportCounts, ReportQueue
from tracker.core.backoff import Backoff

REPORTS = "/api/reports"
MOST_IN_BATCH = 500  # reports of at most 2 kB: the tracker accepts 1 MB
OLDEST_SECONDS = 540.0  # the tracker accepts ten minutes; clocks differ
LOOK_SECONDS = 0.1  # how often to look at the queue, which any thread may fill
SEND_EVERY_SECONDS = 2.0  # until the tracker sets another value
LAST_SECONDS = 1.0  # for sending the rest when the client closes
RETRY = Backoff(first=0.5, longest=30.0)


@attrs.frozen(kw_only=True)
class _Receipt:
    accepted: int
    refused: int
    send_every_seconds: float

    @classmethod
    def read(cls, body: bytes) -> "_Receipt":
        """Read a receipt. Raises ValueError, KeyError, TypeError or AttributeError."""
        receipt = json.loads(body)
        every = float(receipt["send_every_seconds"])
        if not math.isfinite(every):  # with NaN, no report would ever be due again
            raise ValueError(f"it says to send every {every} s")
        return cls(
            accepted=int(receipt["accepted"]),
            refused=len(receipt["refused"]),
            send_every_seconds=every,
        )


@attrs.define(kw_only=True, eq=False)
class ReportSender:
    """The queue and its sender. reporter: this proxy's name. token: for reports."""

    reporter: str
    token: str | None = attrs.field(default=None, repr=False)
    queue: ReportQueue = attrs.field(factory=ReportQueue)
    builder: ReportBuilder = attrs.field(factory=ReportBuilder)
    wall: Callable[[], float] = time.time
    _sent: int = 0
    _refused: int = 0
    _trouble: str = ""
    _every: float = SEND_EVERY_SECONDS
    _pause: float = 0.0  # seconds the tracker asked us to wait when it refused the last batch

    @property
    def counts(self) -> ReportCounts:
        """Return how many reports wait, were sent, dropped and refused, and the last trouble."""
        return ReportCounts(
            queued=len(self.queue),
            sent=self._sent,
            dropped=self.queue.dropped,
            refused=self._refused,
            trouble=self._trouble,
        )

    async def run(self, tracker: Connection) -> NoReturn:
        """Send until cancelled; then make one last attempt to send what is left."""
        try:
            await self._keep_sending(tracker)
        finally:
            with anyio.move_on_after(LAST_SECONDS, shield=True):
                await self._send_all(tracker)

    async def _keep_sending(self, tracker: Connection) -> NoReturn:
        failures, sent_at = 0, anyio.current_time()
        while True:
            await anyio.sleep(LOOK_SECONDS)
            due = anyio.current_time() >= sent_at + self._every
            if not len(self.queue) or not (due or self.queue.urgent):
                continue
            failures = 0 if await self._send_all(tracker) else failures + 1
            sent_at = anyio.current_time()
            if failures:
                await anyio.sleep(max(RETRY.delay(failures), self._pause))

    async def _send_all(self, tracker: Connection) -> bool:
        """Send all; return False where something was not sent, and waits."""
        while batch := self.queue.take(MOST_IN_BATCH, not_before=self.wall() - OLDEST_SECONDS):
            if not await self._send(tracker, batch):
                return False
        return True

    async def _send(self, tracker: Connection, batch: list[QueuedReport]) -> bool:
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        document = {"reporter": self.reporter, "reports": [report.fields for report in batch]}
        try:
            body = json.dumps(document, allow_nan=False).encode()
            receipt = _Receipt.read(await tracker.post(REPORTS, body, headers))
        except TrackerUnavailableError as error:
            self._trouble = str(error)
            self._pause = error.retry_after if isinstance(error, TrackerBusyError) else 0.0
            self.queue.put_back(batch)
            return False
        except TrackerRefusalError as error:  # sending it again would change nothing
            self._trouble, self._refused = str(error), self._refused + len(batch)
            return True
        except anyio.get_cancelled_exc_class():
            self.queue.put_back(batch)
            raise
        except Exception as error:  # noqa: BLE001 (a bug of ours must not end the background)
            self._trouble = f"reports were not sent: {type(error).__name__}"
            self._refused += len(batch)
            return True
        self._trouble = ""
        self._sent += receipt.accepted
        self._refused += receipt.refused
        self._every = min(max(receipt.send_every_seconds, LOOK_SECONDS), 60.0)
        return True
