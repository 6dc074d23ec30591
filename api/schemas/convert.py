"""From a snapshot's values to the shapes on the wire: rounded, and times as text."""

from datetime import UTC, datetime

from api.schemas import status as schemas
from tracker.core.snapshot import Excluded, ProviderStatus, Ranked, Ranking, RateLimit


def instant(at: datetime) -> str:
    """To the nearest millisecond, as the store keeps it: a check has one time everywhere."""
    nearest = datetime.fromtimestamp(round(at.timestamp() * 1000.0) / 1000.0, UTC)
    return nearest.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


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
        weight=round(ranked.weight, 8),
    )


def _view_excluded(excluded: Excluded) -> schemas.Excluded:
    return schemas.Excluded(
        provider_name=excluded.provider,
        reason=excluded.reason,
        until=maybe_instant(excluded.until),
    )
