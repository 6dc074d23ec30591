"""OpenRouter: ``/key`` needs the key and tells its limits; the model list is public.

(OpenRouterTeam/docs api_reference/limits.mdx; openrouter 1.3.84 operations/getcurrentkey.py)
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.rate_limits import LimitReading
from tracker.core.redaction import Secret
from tracker.probes.completions import complete
from tracker.probes.dialects.openai import WIRE
from tracker.probes.limits.bodies import next_midnight
from tracker.probes.limits.values import DAY, amount
from tracker.probes.list_models import check_list, hourly_models
from tracker.probes.session import Session


async def check(session: Session, key: Secret | None) -> CheckResult:
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    if session.provider.check == "models":
        return await check_list(session, key, session.option("models_path"))
    return await _check_key(session, key)


async def _check_key(session: Session, key: Secret | None) -> CheckResult:
    reply = await session.get(session.option("path"), key)
    if (refusal := session.refused(reply)) is not None:
        return refusal
    data = reply.json.get("data") if isinstance(reply.json, dict) else None
    if not isinstance(data, dict):
        return session.misshapen(reply, "it does not describe the key")
    now = session.clock.now()
    limits = tuple(readings(data, now))
    if (spent := _spent(data, limits)) is not None:
        facts = Facts(reachable=True, authenticated=True, quota_available=False)
        return session.found(
            reply,
            OutcomeKind.QUOTA_EXHAUSTED,
            f"quota spent: {spent.name.replace('_', ' ')}",
            facts,
            limits=limits,
            retry_after=(spent.reset_at - now).total_seconds() if spent.reset_at else None,
        )
    left = any(limit.remaining for limit in limits)
    facts = Facts(reachable=True, authenticated=True, quota_available=True if left else None)
    models = await hourly_models(session, key)
    return session.found(reply, OutcomeKind.OK, "", facts, limits=limits, models=models)


def readings(data: Mapping[str, Any], now: datetime) -> Iterator[LimitReading]:
    """The key's own budget in credits, and the free models' requests a day.

    ``rate_limit`` beside them is always -1 and says nothing.
    """
    tomorrow = next_midnight(now, UTC)
    budget, left = amount(data.get("limit")), data.get("limit_remaining")
    if budget is not None and (isinstance(left, int | float) and not isinstance(left, bool)):
        daily = data.get("limit_reset") == "daily"
        yield LimitReading(
            name="credits",
            limit=budget,
            remaining=amount(max(left, 0)),  # overdrawn is spent
            window_seconds=DAY if daily else None,
            reset_at=tomorrow if daily else None,
        )
    free = data.get("free_model_daily_requests")
    if isinstance(free, dict) and (limit := amount(free.get("limit"))) is not None:
        yield LimitReading(
            name="free_requests_day",
            limit=limit,
            remaining=amount(free.get("remaining")),
            window_seconds=DAY,
            reset_at=tomorrow,
        )


def _spent(data: Mapping[str, Any], limits: tuple[LimitReading, ...]) -> LimitReading | None:
    """The limit that stops every request. Free requests stop only who has no credit at all."""
    for limit in limits:
        stops = limit.name == "credits" or data.get("is_free_tier") is True
        if limit.remaining == 0 and stops:
            return limit
    return None
