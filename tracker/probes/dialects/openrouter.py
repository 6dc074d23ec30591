"""OpenRouter: ``/key`` needs the key and returns its limits; the model list is public.

(OpenRouterTeam/docs api_reference/limits.mdx; openrouter 1.3.84 operations/getcurrentkey.py)
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.rate_limits import LimitReading
from tracker.core.redaction import Secret
from tracker.probes.completions import complete
from tracker.probes.dialects.openai import WIRE
from tracker.probes.json_values import as_mapping, as_text
from tracker.probes.limits.bodies import next_midnight
from tracker.probes.limits.values import DAY, MONTH, WEEK, amount, reading
from tracker.probes.list_models import check_list, hourly_models
from tracker.probes.session import Session

WINDOWS = {"daily": DAY, "weekly": WEEK, "monthly": MONTH}


async def check(session: Session, key: Secret | None) -> CheckResult:
    """Read the key's credits, or list models or ask for a completion where configured."""
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    if session.provider.check == "models":
        return await check_list(session, key, session.option("models_path"))
    return await _check_key(session, key)


async def _check_key(session: Session, key: Secret | None) -> CheckResult:
    reply = await session.get(session.option("path"), key)
    if (refusal := session.find_refusal(reply)) is not None:
        return refusal
    data = as_mapping(reply.json).get("data")
    if not isinstance(data, dict):
        return session.reject_shape(reply, "it does not describe the key")
    if data.get("is_management_key") is True:
        facts = Facts(reachable=True, authenticated=False)
        message = "key refused: it is a management key, which cannot be used for models"
        return session.make_result(reply, OutcomeKind.AUTH, message, facts)
    now = session.clock.now()
    limits = tuple(readings(data, now))
    if (spent := _find_spent(data, limits)) is not None:
        facts = Facts(reachable=True, authenticated=True, quota_available=False)
        return session.make_result(
            reply,
            OutcomeKind.QUOTA_EXHAUSTED,
            f"quota used up: {spent.name.replace('_', ' ')}",
            facts,
            limits=limits,
            retry_after=(spent.reset_at - now).total_seconds() if spent.reset_at else None,
        )
    left = any(limit.remaining for limit in limits)
    facts = Facts(reachable=True, authenticated=True, quota_available=True if left else None)
    models = await hourly_models(session, key)
    return session.make_result(reply, OutcomeKind.OK, "", facts, limits=limits, models=models)


def readings(data: Mapping[str, Any], now: datetime) -> Iterator[LimitReading]:
    """Return the key's own budget in credits, and the free models' requests a day.

    ``rate_limit`` beside them is always -1 and says nothing.
    """
    tomorrow = next_midnight(now, UTC)
    budget, left = amount(data.get("limit")), _overdrawn_is_none(data.get("limit_remaining"))
    if budget is not None and left is not None:
        window = WINDOWS.get(as_text(data.get("limit_reset")))
        yield LimitReading(
            name="credits",
            limit=budget,
            remaining=left,
            window_seconds=window,
            reset_at=None if window is None else _next_reset(window, now),
        )
    # What the workspace and its guardrails allow the key: at zero or below every request is
    # refused.
    layer = as_mapping(data.get("effective_budget"))
    if (left := _overdrawn_is_none(layer.get("remaining_usd"))) is not None:
        resets = [layer["resets_at"]] if layer.get("resets_at") else []
        if (budget_left := reading("budget", remaining=[left], reset=resets, now=now)) is not None:
            yield budget_left
    free = as_mapping(data.get("free_model_daily_requests"))
    if (limit := amount(free.get("limit"))) is not None:
        yield LimitReading(
            name="free_requests_day",
            limit=limit,
            remaining=amount(free.get("remaining")),
            window_seconds=DAY,
            reset_at=tomorrow,
        )


def _overdrawn_is_none(left: object) -> float | None:
    """Return what is left of money, 0 where it is overdrawn, None where it is not a number."""
    if isinstance(left, bool) or not isinstance(left, int | float):
        return None
    return amount(max(left, 0))


def _next_reset(window: float, now: datetime) -> datetime:
    """Return the start of the next UTC day, week (on Monday) or month."""
    tomorrow = next_midnight(now, UTC)
    if window == DAY:
        return tomorrow
    if window == WEEK:
        return tomorrow + timedelta(days=(7 - tomorrow.weekday()) % 7)
    return (now.astimezone(UTC).replace(day=1) + timedelta(days=32)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )


def _find_spent(data: Mapping[str, Any], limits: tuple[LimitReading, ...]) -> LimitReading | None:
    """Return the limit that stops every request; a free one stops only accounts without credit."""
    for limit in limits:
        stops = limit.name in {"credits", "budget"} or data.get("is_free_tier") is True
        if limit.remaining == 0 and stops:
            return limit
    return None
