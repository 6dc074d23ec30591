"""A tracker that watches nothing: the test sets its snapshot."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import attrs
import trio

from tracker.core.clock import Clock
from tracker.core.cluster import ClusterAwayError, ClusterReport, VantageRanking
from tracker.core.incidents import Incident
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind, Status
from tracker.core.provider_status import LatencySummary, ProviderStatus, RateLimit, Uptime
from tracker.core.ranking import Excluded, Ranked, Ranking
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.records import ChangeRecord
from tracker.core.redaction import Mask
from tracker.core.settings import Config, Provider, ServerSettings, Timing
from tracker.core.snapshot import Snapshot
from tracker.models.resolver import ModelResolver, NamedOffer
from tracker.ranking.guard import FallbackRanker
from tracker.ranking.offer_ranking import RankingEntries, rank_offers
from tracker.ranking.policy import Candidate
from tracker.reports.call import Call
from tracker.runtime.board import Board
from tracker.runtime.completion_budget import BudgetView
from tracker.runtime.diagnostics import DatabaseHealth, TrackerHealth
from tracker.runtime.long_history import LongHistory
from tracker.runtime.messages import CallsReported, Message
from tracker.runtime.report_receiver import ReportReceipt, ReportReceiver
from tracker.runtime.supervisor import ActorHealth
from tracker.store import History
from tracker.store.traffic import TrafficBucket

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def a_provider(name: str = "groq", **changes: Any) -> ProviderStatus:
    """Return a healthy provider, with a value in every field."""
    fields: dict[str, Any] = {
        "name": name,
        "status": Status.HEALTHY,
        "reason": "last check ok in 245 ms",
        "usable": True,
        "response_time_ms": 245.07,
        "uptime": Uptime(hour=100.0, day=99.8, week=99.9123),
        "latency": LatencySummary(min=180.2, avg=244, p50=240.9, p95=402.71, max=911, samples=287),
        "rate_limit": RateLimit(
            percent=45.0,
            source=LimitSource.HEADERS,
            limits=(
                LimitReading(
                    name="requests",
                    limit=1000,
                    remaining=550,
                    window_seconds=86400,
                    reset_at=NOON + timedelta(hours=12),
                ),
            ),
        ),
        "last_check": NOON - timedelta(seconds=30),
        "next_check": NOON + timedelta(seconds=270),
        "interval_seconds": 300.0,
        "timeout_seconds": 10.0,
        "checks_24h": 288,
        "outcome": OutcomeKind.OK,
        "facts": Facts(reachable=True, authenticated=True, quota_available=True),
        "models": ("gpt-oss-20b", f"{name}-only"),
    }
    return ProviderStatus(**{**fields, **changes})


def a_bare_provider(name: str = "new", **changes: Any) -> ProviderStatus:
    """Return a provider that was never checked: everything is unknown."""
    fields: dict[str, Any] = {
        "status": Status.UNKNOWN,
        "reason": "never checked",
        "usable": False,
        "interval_seconds": 300.0,
        "timeout_seconds": 10.0,
    }
    return ProviderStatus(name=name, **{**fields, **changes})


def ranking_of(providers: Mapping[str, ProviderStatus]) -> Ranking:
    """Usable ones by latency."""
    usable = sorted(
        (p for p in providers.values() if p.usable), key=lambda p: p.response_time_ms or 0.0
    )
    ranked = tuple(
        Ranked(
            provider=p.name,
            status=p.status,
            expected_cost_ms=p.response_time_ms,
            failure_probability=0.012345,
            latency_ms=p.response_time_ms,
            samples=12,
            last_check=p.last_check,
            reason=f"answers in {p.response_time_ms:.0f} ms",
            weight=1.0 / len(usable),
        )
        for p in usable
    )
    return Ranking(
        reason=f"{usable[0].name} is fastest" if usable else "nothing is usable",
        ranked=ranked,
        excluded=tuple(
            Excluded(provider=p.name, reason=p.reason) for p in providers.values() if not p.usable
        ),
        valid_until=min((p.next_check for p in providers.values() if p.next_check), default=None),
        policy="fastest",
    )


def a_snapshot(
    *providers: ProviderStatus, revision: int = 1, at: datetime = NOON, swept: bool = True
) -> Snapshot:
    by_name = {p.name: p for p in providers}
    return Snapshot(
        timestamp=at,
        revision=revision,
        providers=MappingProxyType(by_name),
        ranking=ranking_of(by_name),
        swept=swept,
    )


def a_config(*names: str, **server: Any) -> Config:
    return Config(
        providers=tuple(Provider(name=name, timing=Timing()) for name in names),
        server=ServerSettings(**server),
    )


def a_condition(**changes: Any) -> TrackerHealth:
    """All well."""
    fields: dict[str, Any] = {
        "status": "ok",
        "problems": (),
        "running": True,
        "ready": True,
        "started_at": NOON - timedelta(hours=1),
        "providers_monitored": 2,
        "database": DatabaseHealth(state="ok"),
        "completions": BudgetView(per_day=1000, spent=12, resets_at=NOON + timedelta(hours=12)),
        "actors": {"groq": ActorHealth(state="running", restarts=1, last_heartbeat=NOON)},
        "loop_lag_ms": 0.31,
        "worst_loop_lag_ms": 12.0,
        "stalls": 0,
        "actor_restarts": 1,
        "aggregator_restarts": 0,
        "writer_restarts": 2,
        "reports_dropped": 0,
        "feeds_dropped": 0,
        "revision": 1,
        "policy": "fastest",
    }
    return TrackerHealth(**{**fields, **changes})


@attrs.define(eq=False)
class FakeTracker:
    """Plays its own ``records``, ``offers`` and ``incidents``.

    ``asked``: the API's calls, in order. ``fault``: raised by every call.

    delay: seconds that reading history takes; ``cancelled`` counts those not waited for.
    """

    board: Board
    config: Config
    asked: list[Any] = attrs.field(factory=list)
    fault: Exception | None = None
    delay: float = 0.0
    stopping: trio.Event = attrs.field(factory=trio.Event)
    cancelled: int = 0
    stored: bool = True
    found: dict[str, OutcomeKind] = attrs.field(factory=dict)
    past: History = History(resolution_seconds=None, providers={})
    handed_over: list[History] = attrs.field(factory=list)
    changed: tuple[ChangeRecord, ...] = ()
    calls: Mapping[str, tuple[TrafficBucket, ...]] = attrs.field(factory=dict)
    told: list[Call] = attrs.field(factory=list)
    receiver: ReportReceiver = attrs.field(init=False)
    _inbox: trio.MemoryReceiveChannel[Message] = attrs.field(init=False)
    condition: TrackerHealth = attrs.field(factory=a_condition)
    cluster: ClusterReport | None = None
    rankings: Mapping[str, VantageRanking] = attrs.field(factory=dict)  # of other vantages
    long_past: LongHistory | None = None  # None: without a cluster
    learns: trio.Event | None = None  # set when it knows what the others of its cluster know

    def __attrs_post_init__(self) -> None:
        outbox, self._inbox = trio.open_memory_channel[Message](1_000)
        self.receiver = ReportReceiver(
            outbox=outbox,
            clock=Clock(now=lambda: NOON),
            providers=lambda: self.config.providers,
            mask=lambda: self.mask,
        )

    @property
    def snapshot(self) -> Snapshot:
        return self.board.latest

    @property
    def mask(self) -> Mask:
        return Mask(self.config.secrets())

    def post(self, *providers: ProviderStatus, **changes: Any) -> None:
        self.board.post(a_snapshot(*providers, revision=self.snapshot.revision + 1, **changes))

    async def informed(self) -> None:
        if self.learns is not None:
            await self.learns.wait()

    async def ranking_of(self, vantage: str) -> VantageRanking | None:
        if isinstance(self.fault, ClusterAwayError):
            raise self.fault
        return self.rankings.get(vantage)

    async def long_history(self, names: Any, **options: Any) -> LongHistory | None:
        self._ask("long_history", names, options)
        return self.long_past

    @property
    def records(self) -> "FakeTracker":
        return self

    @property
    def offers(self) -> "FakeTracker":
        return self

    @property
    def incidents(self) -> "FakeTracker":
        return self

    async def resolver(self) -> ModelResolver:
        return self.current_resolver()

    def current_resolver(self) -> ModelResolver:
        watched = self.snapshot.providers.items()
        return ModelResolver.of({name: provider.models or () for name, provider in watched})

    @property
    def ready(self) -> bool:
        return self.condition.ready

    def failures(self) -> tuple[str, ...]:
        return () if self.condition.alive else self.condition.problems

    def rank(self, offers: Iterable[NamedOffer | str]) -> Ranking:
        entries = {
            line.provider: Candidate(provider=line.provider, status=line.status)
            for line in self.snapshot.ranking.ranked
        }
        barred = {line.provider: line for line in self.snapshot.ranking.excluded}
        tasks = {name: view.tasks for name, view in self.snapshot.providers.items()}
        known = RankingEntries(providers={**barred, **entries}, tasks=tasks)
        return rank_offers(offers, known, FallbackRanker(), None)

    async def rank_in_turns(self, offers: Iterable[NamedOffer | str]) -> Ranking:
        return self.rank(offers)

    async def check(self, *names: str) -> dict[str, CheckResult]:
        self._ask("check", *names)
        wanted = names or tuple(self.snapshot.providers)
        known = [self.snapshot.providers[name].name for name in wanted]  # KeyError: not watched
        return {name: self._outcome(name) for name in known}

    async def check_offer(self, name: str, model: str) -> CheckResult:
        self._ask("check_offer", name, model)
        if model not in {offer.model for offer in self.snapshot.providers[name].offers}:
            raise KeyError(model)
        return attrs.evolve(self._outcome(name), model=model)

    async def tune(self, name: str, **changes: Any) -> None:
        self._ask("tune", name, changes)
        self.config.provider(name)

    async def store_settings(self, seconds: float) -> bool:
        return self.stored

    async def history(self, names: Any, **options: Any) -> History:
        self._ask("history", names, options)
        try:
            await trio.sleep(self.delay)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        own = attrs.evolve(self.past, providers=dict(self.past.providers))  # the asker's, as real
        self.handed_over.append(own)
        return own

    async def changes(
        self,
        provider: str | None = None,
        *,
        since: datetime,
        until: datetime | None = None,
        limit: int = 500,
    ) -> Any:
        self._ask("changes", provider, since, until, limit)
        return self.changed

    async def report(self, batch: bytes) -> ReportReceipt:
        self._ask("report", len(batch))
        receipt = await self.receiver.receive(batch)
        with suppress(trio.WouldBlock):
            while True:
                message = self._inbox.receive_nowait()
                assert isinstance(message, CallsReported)
                self.told += message.calls
        return receipt

    async def traffic(self, names: Any, **options: Any) -> Mapping[str, tuple[TrafficBucket, ...]]:
        self._ask("traffic", names, options)
        return {name: self.calls.get(name, ()) for name in names}

    async def acknowledge(self, incident_id: str, by: str) -> Incident:
        self._ask("acknowledge", incident_id, by)
        for incident in self.snapshot.incidents.incidents:
            if incident.id == incident_id:
                return attrs.evolve(incident, acknowledged_by=by)
        raise KeyError(incident_id)

    async def mute(self, name: str, minutes: float) -> datetime | None:
        self._ask("mute", name, minutes)
        self.config.provider(name)
        return NOON + timedelta(minutes=minutes) if minutes else None

    async def test_alerts(self) -> Sequence[tuple[str, str]]:
        self._ask("test_alerts")
        return [("webhook 1", ""), ("slack 1", "it answered 500")]

    def health(self, *, actors: bool = True) -> TrackerHealth:
        return self.condition if actors else attrs.evolve(self.condition, actors={})

    async def examine(self) -> TrackerHealth:
        return self.condition

    def stop(self) -> None:
        self.stopping.set()

    async def track(
        self, _: Config, *, task_status: trio.TaskStatus["FakeTracker"] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Replace run_tracker."""
        task_status.started(self)
        await self.stopping.wait()

    def _ask(self, *what: Any) -> None:
        self.asked.append(what)
        if self.fault is not None:
            raise self.fault

    def _outcome(self, name: str) -> CheckResult:
        kind = self.found.get(name, OutcomeKind.OK)
        return CheckResult(kind=kind, provider=name, at=NOON, latency_ms=245.1, http_status=200)


def a_tracker(*providers: ProviderStatus, **server: Any) -> FakeTracker:
    """Over these providers; ``server``: settings of the server."""
    config = a_config(*(p.name for p in providers), **server)
    return FakeTracker(board=Board(a_snapshot(*providers)), config=config)
