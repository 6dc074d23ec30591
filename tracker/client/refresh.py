"""Keeping the cache up to date: polls with ETags, and events that trigger an immediate poll.

Polling continues in addition to events: a 304 costs the tracker microseconds and shows it is alive.
"""

from collections.abc import Awaitable, Callable
from random import uniform
from typing import NoReturn

import anyio
import attrs

from tracker.client.answers import InvalidResponseError, read_best, read_models
from tracker.client.cached_ranking import CachedRanking
from tracker.client.connection import (
    USUAL_STATUSES,
    Connection,
    TrackerEndpoint,
    TrackerUnavailableError,
)
from tracker.client.questions import Followed
from tracker.client.ranking_cache import RankingCache
from tracker.client.report_sender import ReportSender
from tracker.core.backoff import Backoff

BEST, MODELS = "/api/providers/best", "/api/providers/models"
EVENTS, READY = "/api/providers/events", "/readyz"
BEST_LIMIT = 2 * 2**20  # bytes: a thousand providers with their reasons are a quarter of it
MODELS_LIMIT = 8 * 2**20
MODELS_EVERY = 60.0  # seconds: model lists change with releases, not with outages
MODELS_GAP = 10.0  # least seconds between reads: a late first list shows when the ranking changes
HINT_GAP = 0.05  # seconds: a tracker publishes at most ten snapshots a second
HINTS = frozenset({"snapshot", "best"})
OFFER_HINTS = HINTS | {"offer"}
LOOK_SECONDS = 0.1  # how often to look for new queries, which come from any thread
# No provider offers the model, or the name is not valid: the tracker itself works.
NO_SUCH_MODEL = frozenset({400, 404})
RETRY = Backoff(first=0.5, longest=30.0)


@attrs.define(kw_only=True)
class Refresher:
    """The background of one client, in any event loop.

    poll_interval: seconds. with_models: fetch the model lists too.
    """

    address: TrackerEndpoint
    memory: RankingCache
    poll_interval: float
    with_models: bool
    sender: ReportSender
    _untried: set[str] = attrs.field(init=False)
    _tried: Callable[[], None] = attrs.field(init=False)
    _tags: dict[str, str | None] = attrs.field(init=False, factory=dict)
    _hint: anyio.Event = attrs.field(init=False)
    _models_hint: anyio.Event = attrs.field(init=False)
    _offers_hinted: bool = False

    async def run(self, tried: Callable[[], None]) -> None:
        """Renew until cancelled. Calls ``tried`` when each first attempt has ended."""
        self._tried = tried
        self._untried = {BEST, MODELS} if self.with_models else {BEST}
        self._hint, self._models_hint = anyio.Event(), anyio.Event()
        async with self.address.open() as http, anyio.create_task_group() as tasks:
            tracker = Connection(self.address, http)
            tasks.start_soon(self._keep_best, tracker)
            tasks.start_soon(self._keep_listening, tracker)
            tasks.start_soon(self.sender.run, tracker)
            if self.with_models:
                tasks.start_soon(self._keep_models, tracker)
                tasks.start_soon(self._keep_questions, tracker)

    async def _keep_best(self, tracker: Connection) -> NoReturn:
        failures = 0
        while True:
            trouble = await _attempt(self._ask_best, tracker)
            if trouble:
                self.memory.fail(trouble)
            failures = failures + 1 if trouble else 0
            self._has_tried(BEST)
            await anyio.sleep(HINT_GAP)
            with anyio.move_on_after(_pause(failures, self.poll_interval)):
                await self._hint.wait()
            self._hint = anyio.Event()

    async def _keep_models(self, tracker: Connection) -> NoReturn:
        failures = 0
        while True:
            trouble = await _attempt(self._ask_models, tracker)
            self.memory.models_trouble = trouble
            failures = failures + 1 if trouble else 0
            self._has_tried(MODELS)
            await anyio.sleep(_pause(failures, MODELS_GAP))
            if not failures:
                with anyio.move_on_after(_pause(0, MODELS_EVERY - MODELS_GAP)):
                    await self._models_hint.wait()
            self._models_hint = anyio.Event()

    async def _keep_questions(self, tracker: Connection) -> NoReturn:
        failures, due = 0, anyio.current_time()
        while True:
            await anyio.sleep(LOOK_SECONDS)
            if anyio.current_time() >= due or (self._offers_hinted and not failures):
                asked = self.memory.questions.current()
                due = anyio.current_time() + _pause(failures, self.poll_interval)
                self._offers_hinted = False
            else:
                asked = () if failures else self.memory.questions.unanswered()
            if asked:
                troubles = [await _attempt(self._ask_question(one), tracker) for one in asked]
                failures = failures + 1 if any(troubles) else 0
                if failures:
                    due = anyio.current_time() + _pause(failures, self.poll_interval)

    def _ask_question(self, followed: Followed) -> Callable[[Connection], Awaitable[None]]:
        async def ask(tracker: Connection) -> None:
            unknown = NO_SUCH_MODEL if followed.question.model else frozenset()
            path = f"{BEST}?{followed.question.query}"
            found = await _get_decided(tracker, path, followed.tag, unknown)
            now = self.memory.clock()
            if found is None:
                followed.confirm(now)
            else:
                followed.learn(*found, now)

        return ask

    async def _keep_listening(self, tracker: Connection) -> NoReturn:
        failures = 0
        while True:
            await _attempt(self._listen, tracker)
            failures = 1 if self.memory.streaming else failures + 1
            if self.memory.streaming:
                self.memory.streaming = False
                self._hint.set()  # the tracker may be gone: ask now
            await anyio.sleep(_pause(failures, 0.0))

    async def _ask_best(self, tracker: Connection) -> None:
        found = await _get_decided(tracker, BEST, self._tags.get(BEST))
        if found is None:
            self.memory.confirm()
            return
        view, self._tags[BEST] = found
        self.memory.learn(view)

    async def _ask_models(self, tracker: Connection) -> None:
        await _require_ready(tracker)  # before: lists of its start may be sent while it gets ready
        answer = await tracker.get(MODELS, limit=MODELS_LIMIT, tag=self._tags.get(MODELS))
        if answer is None:
            return
        self.memory.models = read_models(answer.body)
        self._tags[MODELS] = answer.tag

    async def _listen(self, tracker: Connection) -> None:
        await tracker.listen(EVENTS, self._hear)

    def _hear(self, event: str) -> None:
        self.memory.streaming = True
        self._offers_hinted |= event in OFFER_HINTS
        if event in HINTS:
            self._hint.set()
            self._models_hint.set()

    def _has_tried(self, what: str) -> None:
        self._untried.discard(what)
        if not self._untried:
            self._tried()


async def _attempt(ask: Callable[[Connection], Awaitable[None]], tracker: Connection) -> str:
    """Return why it failed, or nothing."""
    try:
        await ask(tracker)
    except TrackerUnavailableError as error:
        return str(error)
    except InvalidResponseError as error:
        return f"invalid response from the tracker: {error}"
    except Exception as error:  # noqa: BLE001 (a bug of ours must not end the proxy's background)
        return f"bug in the client: {type(error).__name__}: {error}"
    return ""


async def _get_decided(
    tracker: Connection, path: str, tag: str | None, unknown: frozenset[int] = frozenset()
) -> tuple[CachedRanking, str | None] | None:
    """Return a ranking and its tag, None where it is the one of ``tag``.

    One without a best provider counts only if the tracker was ready before it answered: it is
    asked once more. unknown: the statuses that say that it knows no such model.
    Raises TrackerUnavailableError, InvalidResponseError.
    """
    found = await _get_ranking(tracker, path, tag, unknown)
    if found is not None and found[0].best is None:
        await _require_ready(tracker)
        return await _get_ranking(tracker, path, None, unknown)
    return found


async def _get_ranking(
    tracker: Connection, path: str, tag: str | None, unknown: frozenset[int]
) -> tuple[CachedRanking, str | None] | None:
    statuses = USUAL_STATUSES | unknown
    answer = await tracker.get(path, limit=BEST_LIMIT, tag=tag, statuses=statuses)
    if answer is None:
        return None
    try:
        view = CachedRanking() if answer.status in unknown else read_best(answer.body)
    except InvalidResponseError:
        if answer.status == 503:  # from a proxy in front of the tracker, or during its shutdown
            raise TrackerUnavailableError("the tracker answered 503") from None
        raise
    return view, answer.tag


async def _require_ready(tracker: Connection) -> None:
    """Refuse a tracker that has just begun and knows less than what we remember.

    Raises Unavailable.
    """
    ready = await tracker.get(READY, limit=BEST_LIMIT)
    if ready is not None and ready.status == 503:
        raise TrackerUnavailableError("the tracker is still making its first checks")


def _pause(failures: int, interval: float) -> float:
    """Return the pause, spread so that a thousand clients do not return at once."""
    if failures:
        return RETRY.delay(failures) * uniform(0.5, 1.0)  # noqa: S311 (no secret)
    return interval * uniform(0.9, 1.1)  # noqa: S311
