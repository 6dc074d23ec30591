"""Reading what other trackers send: our vantage's checks and states, and others' views."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC
from typing import NoReturn

import attrs
import structlog
import trio

from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import HubAway
from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.parcels import News, SiblingChecks, StateRow
from tracker.core.clock import Clock
from tracker.core.cluster import SeenElsewhere, SharedNews, SharedState
from tracker.core.outcomes import MESSAGE_LENGTH, CheckResult, OutcomeKind, Status
from tracker.core.records import CheckRecord, CheckRow
from tracker.store import Store, StoreUnavailable

log = structlog.get_logger()

MOST_ROWS = 2_000  # at once: judged on the loop, some milliseconds
POLL_SECONDS = 1.0  # where notifications do not come through, as behind some poolers
RETRY_SECONDS = 2.0
CURRENT_SECONDS = 4.0  # some polls: a busy machine may miss one
FAILED_FETCHES = 3  # in a row; the second comes at once, the third after a while


@attrs.define(eq=False)
class NewsReader:
    """``take``: gets what is new. kept: whether the plan of a provider is ours. fetched: told
    the steady second up to which it is known what others did.

    read: set once everything that was there at the start is known. fetched_at: steady seconds.
    """

    caller: HubCaller
    keeper: LeaseKeeper
    store: Store
    take: Callable[[SharedNews], Awaitable[None]]
    kept: Callable[[str], bool]
    fetched: Callable[[float], None]
    clock: Clock = attrs.field(factory=Clock)
    read: bool = False
    fetched_at: float = float("-inf")
    failed: int = 0  # fetches in a row
    reason: str = ""
    _cursors: dict[str, int] | None = None
    _heard: trio.Event = attrs.field(factory=trio.Event)

    def notify(self) -> None:
        """Note that there may be news."""
        self._heard.set()

    @property
    def is_current(self) -> bool:
        """Return whether what others did is known or cannot be; after a sleep it is read again."""
        age = self.clock.steady() - self.fetched_at
        return age <= CURRENT_SECONDS or self.is_failing

    @property
    def is_failing(self) -> bool:
        """Return whether what others did cannot be known."""
        return self.failed >= FAILED_FETCHES

    async def run(self) -> NoReturn:
        """Read what the others sent after each notification, until cancelled."""
        while True:
            await self.keeper.origin.known.wait()
            self._heard = trio.Event()
            try:
                more = await self.fetch()
            except (HubAway, StoreUnavailable) as error:
                self.failed, self.reason = self.failed + 1, error.reason
                log.debug("no news", reason=error.reason)
                if self.failed > 1:  # else it may have been a connection that was closed meanwhile
                    await trio.sleep(RETRY_SECONDS)
                continue
            if not more:
                self.read = True
                with trio.move_on_after(POLL_SECONDS):
                    await self._heard.wait()

    async def fetch(self) -> bool:
        """Take what is new; return whether there is more. Raises HubAway, StoreUnavailable."""
        if self._cursors is None:
            self._cursors = dict((await self.store.identity()).cursors)
        profile, cursors = self.keeper.origin.profile, self._cursors
        asked = self.clock.steady()
        news = await self.caller.data(
            lambda hub: hub.news(profile.vantage, profile.origin, cursors, MOST_ROWS)
        )
        if news.checks or news.states:
            await self.take(self._shared(news))
        self._cursors = dict(news.cursors)
        self.fetched_at, self.failed = self.clock.steady(), 0
        if not news.more:
            self.fetched(asked)
        return news.more

    def _shared(self, news: News) -> SharedNews:
        ours = self.keeper.origin.vantage
        states = [state for state in news.states if state.vantage == ours]
        json = {(s.provider, s.model, s.seq): s.state for s in states}
        names = {state.provider for state in states}
        return SharedNews(
            checks=tuple(r for each in news.checks for r in _records(each, json)),
            states=tuple(_state(state) for state in states),
            elsewhere=tuple(
                self._view(state)
                for state in news.states
                if state.vantage != ours and state.model is None
            ),
            kept=frozenset(filter(self.kept, names)),
        )

    def _view(self, state: StateRow) -> SeenElsewhere:
        now, words = self.clock.steady(), {each.value for each in Status}
        return SeenElsewhere(
            vantage=state.vantage,
            provider=state.provider,
            status=Status(state.status) if state.status in words else Status.UNKNOWN,
            reason=state.reason,
            observed_at=now - state.age,
            fresh_until=None if state.fresh_for is None else now + state.fresh_for,
        )


def _state(state: StateRow) -> SharedState:
    return SharedState(
        provider=state.provider,
        model=state.model,
        age=state.age,
        due_in=state.due_in,
        fresh_for=state.fresh_for,
        state=state.state,
        models=state.models,
    )


def _records(
    each: SiblingChecks, states: Mapping[tuple[str, str | None, int], str]
) -> list[CheckRecord]:
    """Make what the store keeps of another's checks, but for what this version does not know."""
    records = []
    for row in each.rows:
        with suppress(ValueError):
            state = states.get((row.provider, row.model, row.seq), "")
            records.append(_record(each.origin, row, state))
    return records


def _record(origin: str, row: CheckRow, state: str) -> CheckRecord:
    return CheckRecord(
        result=CheckResult(
            kind=OutcomeKind(row.outcome),
            provider=row.provider,
            at=row.at.astimezone(UTC),
            model=row.model,
            latency_ms=row.response_time_ms,
            ttft_ms=row.ttft_ms,
            http_status=row.http_status,
            message=row.error_message[:MESSAGE_LENGTH],
            completions=row.completions,
        ),
        status=Status(row.status),
        interval_seconds=row.interval_seconds or 0.0,
        consecutive_failures=row.consecutive_failures,
        rate_limit_percent=row.rate_limit_percent,
        state=state,
        origin=origin,
        origin_id=row.seq,
    )
