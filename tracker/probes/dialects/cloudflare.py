"""Cloudflare Workers AI: verifies the token as a user's token, then as an account's.

(tashfeenahmed/freellmapi server/src/providers/cloudflare.ts)
"""

from urllib.parse import quote

import attrs

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.probes.completions import complete
from tracker.probes.dialects.openai import WIRE
from tracker.probes.http.response import BoundedResponse
from tracker.probes.list_models import hourly_models
from tracker.probes.session import Session


async def check(session: Session, key: Secret | None) -> CheckResult:
    """Verify the token, then list the account's models once an hour; or ask for a completion."""
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    finding = await _check_token(session, key)
    if finding.kind is not OutcomeKind.OK or not session.option("account_id"):
        return finding
    # The model list is its search: ``/ai/v1/models`` answers 405.
    models = await hourly_models(session, key, _account_place(session, "registry"))
    return attrs.evolve(finding, models=models)


async def _check_token(session: Session, key: Secret | None) -> CheckResult:
    of_account = session.memory.setdefault("account_tokens", set())
    if key not in of_account:
        finding = await _verify(session, key, session.endpoint.place("verify_url", "path"))
        if finding.kind is not OutcomeKind.AUTH or not session.option("account_id"):
            return finding
    finding = await _verify(session, key, _account_place(session, "account"))
    if finding.kind is OutcomeKind.OK:
        of_account.add(key)  # so that later checks ask the right endpoint first
    return finding


def _account_place(session: Session, what: str) -> str:
    account = quote(session.option("account_id"), safe="")
    return session.endpoint.place(f"{what}_url", f"{what}_path").replace("{account_id}", account)


async def _verify(session: Session, key: Secret | None, place: str) -> CheckResult:
    reply = await session.get(place, key)
    if reply.status == 400:  # for a malformed token it answers "invalid header" (6003)
        facts = Facts(reachable=True, authenticated=False)
        return session.make_result(
            reply, OutcomeKind.AUTH, "key refused (400): it is not an API token", facts
        )
    return session.find_refusal(reply) or _judge_token(session, reply)


def _judge_token(session: Session, reply: BoundedResponse) -> CheckResult:
    body = reply.json if isinstance(reply.json, dict) else {}
    result = body.get("result")
    state = result.get("status") if isinstance(result, dict) else None
    if body.get("success") is not True or not isinstance(state, str):
        return session.reject_shape(reply, "it does not say whether the token is active")
    facts = Facts(reachable=True, authenticated=state == "active")
    if state != "active":
        return session.make_result(
            reply, OutcomeKind.AUTH, f"key refused: the token is {state}", facts
        )
    return session.make_result(reply, OutcomeKind.OK, "", facts)
