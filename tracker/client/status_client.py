"""The client class: queries from a proxy, and starting and stopping the background."""

import ssl
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from random import random as random_unit
from threading import Event, Lock
from types import TracebackType
from typing import Any, Self

import anyio
import httpx

from tracker.client.background import TaskRunner, ThreadRunner
from tracker.client.cached_ranking import CachedRanking, normalize_candidates
from tracker.client.choice import Choice, choose, find
from tracker.client.connection import TrackerEndpoint, check_token
from tracker.client.ranking_cache import RankingCache, State
from tracker.client.refresh import Refresher
from tracker.client.report_queue import ReportCounts, default_reporter
from tracker.client.report_sender import ReportSender
from tracker.core.clock import steady_now

CLOSED = "the client is closed"


def check_durations(**settings: float) -> None:
    """Raise ValueError for a setting that is no number of seconds above 0."""
    for setting, value in settings.items():
        if not value > 0:  # NaN neither
            raise ValueError(f"{setting} must be a number of seconds above 0, not {value}")


class ProviderStatusClient:
    """Keeps the tracker's ranking in memory, up to date in the background.

    Use ``with`` in plain threads (the background is a daemon thread), ``async with`` under asyncio
    and trio (it is a task). Entering waits at most ``start_timeout`` for the first answer, so that
    the first query has one, and never fails because of the tracker.

    url: the tracker's, with its path prefix if any. Raises ValueError for an invalid setting.
    static_order: providers to use, best first, while the ranking is missing or too old.
    stale_after: how old the last ranking may become. All durations are in seconds.
    token: the tracker's read token. report_token: for ``report``; None: the same as ``token``.
    reporter: the name of this proxy in the tracker; None: host and process id.
    tls: for a tracker whose certificate comes from a private authority.
    models: fetch the model lists; without them a query about a model gets the static order.
    """

    def __init__(
        self,
        url: str,
        *,
        static_order: Iterable[str] = (),
        stale_after: float = 300.0,
        poll_interval: float = 5.0,
        request_timeout: float = 5.0,
        start_timeout: float = 3.0,  # a busy machine needs more than one second
        token: str | None = None,
        report_token: str | None = None,
        reporter: str | None = None,
        models: bool = True,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = steady_now,
    ) -> None:
        check_durations(
            stale_after=stale_after, poll_interval=poll_interval, request_timeout=request_timeout
        )
        names = tuple(dict.fromkeys(normalize_candidates(static_order) or ()))
        static = CachedRanking(names=names)
        self._memory = RankingCache(
            static=static, stale_after=stale_after, clock=clock, with_models=models
        )
        self._sender = ReportSender(
            reporter=reporter or default_reporter(),
            token=check_token(token if report_token is None else report_token),
        )
        self._refresher = Refresher(
            sender=self._sender,
            address=TrackerEndpoint(
                url=url, token=token, timeout=request_timeout, transport=transport, tls=tls
            ),
            memory=self._memory,
            # Three polls before the ranking is too old, so that one lost answer does not matter.
            poll_interval=min(poll_interval, stale_after / 3),
            with_models=models,
        )
        self._start_timeout = start_timeout
        self._task = TaskRunner()
        self._thread = ThreadRunner()
        self._opening = Lock()

    def get_healthiest_provider(
        self, candidates: Iterable[str] | None = None, model: str | None = None
    ) -> str | None:
        """Return the best of the candidates (None: of all) that offers the model, or None.

        A read of memory: it never blocks and never raises.
        """
        if model is not None:
            return next(iter(self.ranking(candidates, model)), None)
        view, offering = self._memory.standing(model)
        if candidates is None:
            return view.best
        return view.first(normalize_candidates(candidates), offering)

    def choose(
        self,
        model: str | None = None,
        candidates: Iterable[str] | None = None,
        *,
        weighted: bool = False,
        random: Callable[[], float] = random_unit,
    ) -> Choice | None:
        """Choose which to ask for a model, with the id to send; None where none is usable.

        A read of memory: it never blocks and never raises. The tracker ranks a model's offers from
        the first question about it on; that one is answered from the model lists.

        Args:
            model: An id of it, or its name in any packaging; None asks for a provider alone.
            candidates: Providers, or offers as "provider/model-id"; None for all. Without a model
                the offers named are ranked against each other.
            weighted: Choose by the tracker's weights, for many proxies that must not all jump.
            random: Gives 0 ≤ x < 1, for weighted.

        """
        try:
            found = find(self._memory, model, normalize_candidates(candidates))
            return choose(found, self._memory.state, weighted=weighted, random=random)
        except Exception:  # noqa: BLE001 (whatever we were asked with)
            return None

    def ranking(
        self, candidates: Iterable[str] | None = None, model: str | None = None
    ) -> tuple[str, ...]:
        """Return all that pass the filters, best first.

        Which to use, then which to fall back on.
        """
        found = find(self._memory, model, normalize_candidates(candidates))
        return found.providers

    def choose_weighted(
        self,
        candidates: Iterable[str] | None = None,
        model: str | None = None,
        random: Callable[[], float] = random_unit,
    ) -> str | None:
        """Draw one at random by its share, so that many proxies do not all move to one at once.

        The tracker's weights follow from the expected times; here they are those of the
        providers that pass the filters. ``random`` gives 0 ≤ x < 1.
        """
        choice = self.choose(model, candidates, weighted=True, random=random)
        return None if choice is None else choice.provider

    def report(
        self,
        provider: str,
        *,
        model: str | None = None,
        outcome: str | None = None,
        http_status: int | None = None,
        error: BaseException | Mapping[str, Any] | str | None = None,
        latency_ms: float | None = None,
        ttft_ms: float | None = None,
        output_tokens: int | None = None,
        key: int | None = None,
        limits: Any = None,
        at: datetime | None = None,
    ) -> None:
        """Tell the tracker of one attempt of a real call, while the client is open.

        It is queued in memory and sent in the background: this never blocks and never raises.
        Prompts and answers are never sent; of an error its type, code and text are.

        Args:
            provider: The tracker's name of it.
            model: As the provider names it.
            outcome: How the attempt ended, in a word: "ok", "server", "timeout", "cancelled"…
            http_status: Or the status of the answer.
            error: Or an exception as it was caught, or a mapping of type, code and message.
            latency_ms: Of the whole attempt.
            ttft_ms: To its first token.
            output_tokens: That the answer had.
            key: The number of the key that was used, from 1; never the key.
            limits: The answer's headers; those about rate limits are sent.
            at: When the attempt ended, with its time zone; now where None.

        """
        with suppress(Exception):
            self._sender.queue.put(
                self._sender.builder.build(
                    provider,
                    at,
                    model=model,
                    outcome=outcome,
                    http_status=http_status,
                    error=error,
                    latency_ms=latency_ms,
                    ttft_ms=ttft_ms,
                    output_tokens=output_tokens,
                    key=key,
                    limits=limits,
                )
            )

    @property
    def reports(self) -> ReportCounts:
        """Return what became of the reports so far, for a log or a health page."""
        return self._sender.counts

    @property
    def state(self) -> State:
        """Return where answers come from now."""
        return self._memory.state

    @property
    def reason(self) -> str:
        """Return why ``state`` is what it is, for a log or a health page."""
        return self._memory.reason

    @property
    def age_seconds(self) -> float | None:
        """Return the age of the tracker's last confirmed ranking; None: there was none."""
        return self._memory.age

    def start(self) -> Self:
        """Start what ``with`` starts on entering, for programs that end without saying so.

        Started already, it stays as it is.
        """
        with self._opening:
            if self._thread.running:
                return self
            tried = Event()
            self._thread.start(partial(self._refresher.run, tried.set))
        tried.wait(self._start_timeout)
        return self

    def stop(self) -> None:
        """End the background; in plain threads, what leaving ``with`` does."""
        with self._opening:
            self._thread.stop()
        self._memory.fail(CLOSED)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        tried = anyio.Event()
        await self._task.start(partial(self._refresher.run, tried.set))
        try:
            with anyio.move_on_after(self._start_timeout):
                await tried.wait()
        except BaseException:  # cancelled: the background must be stopped here
            await self.__aexit__(*sys.exc_info())
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._task.stop(kind, error, trace)
        self._memory.fail(CLOSED)
