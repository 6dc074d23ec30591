"""Moving records from the backlog into the store, and deleting old ones."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import attrs
import structlog
import trio

from tracker.core.clock import Clock
from tracker.core.shared_wakes import SharedWakes
from tracker.store.backlog import Backlog
from tracker.store.clock_file import ClockFinding
from tracker.store.clock_trust import CORRECTION, ClockComparison, ToldTime
from tracker.store.errors import StoreUnavailable
from tracker.store.heartbeat import BEAT_SECONDS
from tracker.store.store import Store

log = structlog.get_logger()

BATCH = 5_000  # one transaction: about 20 ms
FIRST_DELAY, LONGEST_DELAY = 0.1, 2.0  # seconds between attempts while it is unavailable
PRUNE_SECONDS = 600.0
FINISH_SECONDS = 2.0
KEPT_SECONDS = 3_600.0  # not worth a warning: a restart of the machine
SUM_UP_SECONDS = 60.0  # how often to look for an hour to sum up
SUM_UP_PAUSE = 0.15  # seconds between steps of about 25 ms, in which results can be written


def _nothing() -> None:
    pass


@attrs.define(eq=False)
class Writer:
    """``gap_seconds``: the least time between two commits, unless somebody waits for one. A sweep
    of a thousand would otherwise make a thousand commits, each with 0.2 ms of CPU and a thread's
    wake-up. The first record after a pause is written immediately.

    ``remembered``: set it once what is stored was read. Nothing is pruned before, or it would be
    chance what a tracker still knows that was off for longer than the retention. ``stored``:
    called after each commit. ``told``: what time it is by the clocks of others.
    """

    store: Store
    backlog: Backlog
    clock: Clock = attrs.field(kw_only=True, default=Clock())
    told: ToldTime = attrs.field(kw_only=True, factory=ToldTime)
    retention_days: float = attrs.field(kw_only=True, default=7.0)
    gap_seconds: float = attrs.field(kw_only=True, default=0.2)
    wakes: SharedWakes = attrs.field(kw_only=True, factory=SharedWakes)
    stored: Callable[[], None] = attrs.field(kw_only=True, default=_nothing)
    remembered: trio.Event = attrs.field(init=False, factory=trio.Event)
    _hurried: int = attrs.field(
        init=False, default=0
    )  # how many callers wait until everything is stored
    _hurry: trio.Event = attrs.field(init=False, factory=trio.Event)
    _progress: trio.lowlevel.ParkingLot = attrs.field(init=False, factory=trio.lowlevel.ParkingLot)
    _away_since: float | None = attrs.field(init=False, default=None)
    _written_since: int = attrs.field(init=False, default=0)

    async def run(self) -> NoReturn:
        """Store the backlog until cancelled. A crash leaves it there for the next run."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._prune_regularly)
            nursery.start_soon(self._beat_regularly)
            nursery.start_soon(self._sum_up_regularly)
            await self._drain()

    async def idle(self) -> None:
        """Wait until everything is stored, without pauses between commits."""
        self._hurried += 1
        self._hurry.set()
        try:
            while len(self.backlog):
                await self._progress.park()
        finally:
            self._hurried -= 1

    async def flush(self, seconds: float) -> bool:
        """Wait as ``idle`` does, for ``seconds`` at most; return True when everything is stored."""
        with trio.move_on_after(seconds):
            await self.idle()
        return not len(self.backlog)

    async def finish(self) -> bool:
        """Try once more to store what is left when ``run`` has ended, however it did.

        Shielded, but bounded: a disk that does not answer must not keep the process. Over at the
        first refusal. True when all is stored.
        """
        with trio.move_on_after(FINISH_SECONDS, shield=True):
            if not await self.store.settle(FINISH_SECONDS):
                # The thread may still store its batch, which must not be stored twice.
                log.warning("results not stored: the disk does not answer", left=len(self.backlog))
                return False
            try:
                while len(self.backlog):
                    await self._write_batch()
            except StoreUnavailable as error:
                self.backlog.put_back()
                log.warning("results not stored", left=len(self.backlog), reason=error.reason)
        return not len(self.backlog)

    async def _drain(self) -> NoReturn:
        delay = FIRST_DELAY
        while True:
            await self.backlog.wait()
            try:
                await self._write_batch()
            except StoreUnavailable as error:
                self.backlog.put_back()
                self._note_away(error.reason)
                await self._pause(min(delay, FIRST_DELAY) if self._hurried else delay)
                delay = min(2.0 * delay, LONGEST_DELAY)
            else:
                delay = FIRST_DELAY
                self._note_progress()
                gap = max(self.gap_seconds, self.wakes.commit_seconds)
                await self._pause(0.0 if self._hurried else gap)

    async def _write_batch(self) -> None:
        batch = self.backlog.take(BATCH)
        await self.store.write(batch, committed=self.backlog.done)
        self.stored()
        self._written_since += len(batch)

    async def _pause(self, seconds: float) -> None:
        """Cut short when somebody begins to wait for everything."""
        self._hurry = trio.Event()
        with trio.move_on_at(self.wakes.at(trio.current_time() + seconds)):
            await self._hurry.wait()

    def _note_away(self, reason: str) -> None:
        if self._away_since is None:
            self._away_since = trio.current_time()
            self._written_since = 0
            log.error("database unavailable, results wait in memory", reason=reason)

    def _note_progress(self) -> None:
        self._progress.unpark_all()
        if self._away_since is not None and not len(self.backlog):
            seconds = trio.current_time() - self._away_since
            self._away_since = None
            log.info(
                "database available again, results written",
                written=self._written_since,
                dropped=self.backlog.dropped,
                changes_dropped=self.backlog.others_dropped,
                away_seconds=round(seconds, 1),
            )

    async def _prune_regularly(self) -> NoReturn:
        await self.remembered.wait()
        reason = ""
        while True:
            try:
                await self._prune()
                reason = ""
            except StoreUnavailable as error:
                if error.reason != reason:
                    log.warning("no old results deleted", reason=error.reason)
                reason = error.reason
            await trio.sleep(PRUNE_SECONDS)

    async def _sum_up_regularly(self) -> NoReturn:
        """Sum up hours regularly, also old ones of an older version's database.

        The newest first.
        """
        await self.remembered.wait()
        while True:
            oldest = self.clock.now() - timedelta(days=self.retention_days)
            try:
                more = await self.store.sum_up(oldest)
            except StoreUnavailable as error:
                log.debug("no hour summed up", reason=error.reason)
                more = False
            await trio.sleep(SUM_UP_PAUSE if more else SUM_UP_SECONDS)

    async def _beat_regularly(self) -> NoReturn:
        await self.remembered.wait()
        while True:
            with suppress(StoreUnavailable):  # health shows it anyway
                await self.store.beat()
                await self._compare_clocks()
            await trio.sleep(BEAT_SECONDS)

    async def _compare_clocks(self) -> ClockFinding:
        """Note what has passed, and say when the wall clock was set."""
        wall, steady = self.clock.now().timestamp(), self.clock.steady()
        comparison = ClockComparison(
            wall=wall, steady=steady, boot=self.clock.boot(), told=self.told.now(steady)
        )
        retention = timedelta(days=self.retention_days)
        found = await self.store.compare_clocks(comparison, retention)
        if abs(found.leap) > CORRECTION:
            log.warning("the clock jumped", seconds=round(found.leap))
        return found

    async def _prune(self) -> None:
        found = await self._compare_clocks()
        if abs(found.leap) > CORRECTION:
            log.warning("no old results deleted for now", reason="the clock jumped")
            return
        if found.kept > KEPT_SECONDS:
            reason = "the clock jumped or the tracker was off for long, and no provider shows which"
            log.warning(
                "history kept for longer", days=round(found.kept / 86_400.0, 1), reason=reason
            )
        before = datetime.fromtimestamp(found.before, UTC)
        rows = await self.store.prune(before)
        log.debug("pruned", rows=rows)
