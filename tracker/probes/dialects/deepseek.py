"""DeepSeek: the balance request needs the key and says whether any money is left.

(https://api-docs.deepseek.com/api/get-user-balance; steipete/CodexBar docs/deepseek.md)
"""

from collections.abc import Iterator

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.rate_limits import LimitReading
from tracker.core.redaction import Secret
from tracker.probes.completions import complete
from tracker.probes.dialects.openai import WIRE
from tracker.probes.json_values import as_bool, as_mapping, as_text, mappings
from tracker.probes.limits.values import amount
from tracker.probes.list_models import check_list, hourly_models
from tracker.probes.session import Session

CURRENCIES = 8  # balances read; accounts have one or two


async def check(session: Session, key: Secret | None) -> CheckResult:
    """Read the balance, or list models or ask for a completion where that is configured."""
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    if session.provider.check == "models":
        return await check_list(session, key, session.option("models_path"))
    return await _check_balance(session, key)


async def _check_balance(session: Session, key: Secret | None) -> CheckResult:
    reply = await session.get(session.option("path"), key)
    if (refusal := session.find_refusal(reply)) is not None:
        return refusal
    body = as_mapping(reply.json)
    available = as_bool(body.get("is_available"))
    if available is None:
        return session.reject_shape(reply, "it does not say whether the balance is sufficient")
    facts = Facts(reachable=True, authenticated=True, quota_available=available)
    limits = tuple(balances(body.get("balance_infos")))
    if not available:
        message = "quota used up: the balance is too low for a call"
        return session.make_result(
            reply, OutcomeKind.QUOTA_EXHAUSTED, message, facts, limits=limits
        )
    models = await hourly_models(session, key)
    return session.make_result(reply, OutcomeKind.OK, "", facts, limits=limits, models=models)


def balances(infos: object) -> Iterator[LimitReading]:
    """Return what is left in each currency; there is no limit to set it against."""
    for info in mappings(infos, CURRENCIES):
        currency = as_text(info.get("currency"))
        if currency.isalpha() and len(currency) == 3:
            left = amount(info.get("total_balance"))
            yield LimitReading(name=f"balance_{currency.lower()}", remaining=left)
