"""Snapshots as bytes: each answer is encoded at most once, whoever and however many ask."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import attrs
import msgspec

from api import schemas
from tracker.snapshot import Excluded, ProviderStatus, Ranked, Ranking, RateLimit, Snapshot

JSON = "application/json"
UNPLANNED = timedelta(seconds=60)  # with no check planned that could help, the next snapshot
KEPT = 256  # answers kept of one snapshot: the unfiltered ones, and the filters in use


@attrs.frozen(kw_only=True)
class Answer:
    """A whole answer, ready to send. ``retry_at``: when asking again could help."""

    body: bytes = attrs.field(repr=False)
    etag: str
    content_type: str = JSON
    status: int = 200
    retry_at: datetime | None = None
    headers: tuple[tuple[str, str], ...] = ()


def answer_of(
    body: bytes,
    content_type: str = JSON,
    *,
    status: int = 200,
    retry_at: datetime | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """``body`` with the ETag of its content."""
    etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    return Answer(
        body=body,
        etag=etag,
        content_type=content_type,
        status=status,
        retry_at=retry_at,
        headers=headers,
    )


class Answers:
    """The answers given of the newest snapshot.

    They are a function of the snapshot alone, so a key is encoded once; a provider that did not
    change since the snapshot before keeps its bytes.
    """

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._pieces: dict[str, tuple[ProviderStatus, bytes]] = {}

    def get(self, snapshot: Snapshot, key: Hashable, encode: Callable[[], Answer]) -> Answer:
        """The answer kept under ``key``, or ``encode``'s, kept from now on."""
        if snapshot is not self._snapshot:
            self._turn_to(snapshot)
        if (found := self._kept.get(key)) is None:
            found = self._kept[key] = encode()
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)  # what nobody asks for goes first
        return found

    def piece(self, provider: ProviderStatus) -> bytes:
        """One provider as JSON."""
        known = self._pieces.get(provider.name)
        if known is not None and known[0] is provider:
            return known[1]
        encoded = msgspec.json.encode(view_provider(provider))
        self._pieces[provider.name] = (provider, encoded)
        return encoded

    def status(self, snapshot: Snapshot) -> Answer:
        return self.get(snapshot, "status", lambda: answer_of(self.encode_status(snapshot)))

    def best(self, snapshot: Snapshot) -> Answer:
        return self.get(snapshot, "best", lambda: best_answer(snapshot, snapshot.ranking))

    def provider(self, snapshot: Snapshot, name: str) -> Answer:
        """Raises KeyError."""
        piece = self.piece(snapshot.providers[name])
        return self.get(snapshot, ("provider", name), lambda: answer_of(piece))

    def encode_status(self, snapshot: Snapshot) -> bytes:
        pieces = {name: msgspec.Raw(self.piece(p)) for name, p in snapshot.providers.items()}
        return msgspec.json.encode({"timestamp": instant(snapshot.timestamp), "providers": pieces})

    def _turn_to(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._kept.clear()
        for gone in self._pieces.keys() - snapshot.providers.keys():
            del self._pieces[gone]


def best_answer(snapshot: Snapshot, ranking: Ranking) -> Answer:
    """200 with the best, or 503 with why there is none."""
    body = msgspec.json.encode(view_best(snapshot.timestamp, ranking))
    if ranking.ranked:
        return answer_of(body)
    retry_at = ranking.valid_until or snapshot.timestamp + UNPLANNED
    return answer_of(body, status=503, retry_at=retry_at)


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def maybe_instant(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)


def view_provider(provider: ProviderStatus) -> schemas.Provider:
    uptime, facts = provider.uptime, provider.facts
    return schemas.Provider(
        provider_name=provider.name,
        status=provider.status.value,
        reason=provider.reason,
        usable=provider.usable,
        usable_at=maybe_instant(provider.usable_at),
        stale=provider.stale,
        enabled=provider.enabled,
        response_time_ms=rounded(provider.response_time_ms, 1),
        ttft_ms=rounded(provider.ttft_ms, 1),
        uptime_percent=rounded(uptime.day, 2),
        uptime=schemas.Uptime(
            hour=rounded(uptime.hour, 2), day=rounded(uptime.day, 2), week=rounded(uptime.week, 2)
        ),
        latency_ms=_view_latency(provider),
        rate_limit_percent=round(provider.rate_limit.percent, 2),
        rate_limit=_view_rate_limit(provider.rate_limit),
        last_check=maybe_instant(provider.last_check),
        next_check=maybe_instant(provider.next_check),
        interval_seconds=provider.interval_seconds,
        timeout_seconds=provider.timeout_seconds,
        interval_overridden=provider.interval_overridden,
        checks_24h=provider.checks_24h,
        completions_24h=provider.completions_24h,
        outcome=None if provider.outcome is None else provider.outcome.value,
        error_message=provider.error_message,
        consecutive_failures=provider.consecutive_failures,
        reachable=facts.reachable,
        authenticated=facts.authenticated,
        quota_available=facts.quota_available,
        inference=facts.inference,
        keys=[schemas.Key(number=key.number, state=key.state.value) for key in provider.keys],
    )


def _view_latency(provider: ProviderStatus) -> schemas.Latency:
    if (latency := provider.latency) is None:
        return schemas.Latency()
    return schemas.Latency(
        min=round(latency.min, 1),
        avg=round(latency.avg, 1),
        p50=round(latency.p50, 1),
        p95=round(latency.p95, 1),
        max=round(latency.max, 1),
        samples=latency.samples,
    )


def _view_rate_limit(rate_limit: RateLimit) -> schemas.RateLimit:
    limits = [
        schemas.Limit(
            name=limit.name,
            window_seconds=limit.window_seconds,
            limit=limit.limit,
            remaining=limit.remaining,
            reset_at=maybe_instant(limit.reset_at),
        )
        for limit in rate_limit.limits
    ]
    return schemas.RateLimit(
        source=rate_limit.source.value,
        limits=limits,
        exhausts_at=maybe_instant(rate_limit.exhausts_at),
    )


def view_best(timestamp: datetime, ranking: Ranking) -> schemas.Best:
    return schemas.Best(
        best_provider=ranking.best,
        reason=ranking.reason,
        alternatives=[ranked.provider for ranked in ranking.ranked[1:]],
        ranking=[_view_ranked(ranked) for ranked in ranking.ranked],
        excluded=[_view_excluded(excluded) for excluded in ranking.excluded],
        timestamp=instant(timestamp),
        valid_until=maybe_instant(ranking.valid_until),
        policy=ranking.policy,
    )


def _view_ranked(ranked: Ranked) -> schemas.Ranked:
    return schemas.Ranked(
        provider_name=ranked.provider,
        status=ranked.status.value,
        expected_cost_ms=rounded(ranked.expected_cost_ms, 1),
        failure_probability=rounded(ranked.failure_probability, 4),
        latency_ms=rounded(ranked.latency_ms, 1),
        samples=ranked.samples,
        last_check=maybe_instant(ranked.last_check),
        reason=ranked.reason,
        weight=round(ranked.weight, 4),
    )


def _view_excluded(excluded: Excluded) -> schemas.Excluded:
    return schemas.Excluded(
        provider_name=excluded.provider,
        reason=excluded.reason,
        until=maybe_instant(excluded.until),
    )
