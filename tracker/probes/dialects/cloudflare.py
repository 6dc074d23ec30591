"""Cloudflare Workers AI: the token is verified where user tokens are, then where account's are.

(tashfeenahmed/freellmapi server/src/providers/cloudflare.ts)
"""

from urllib.parse import quote

from tracker.probes.completions import complete
from tracker.probes.dialects.openai import WIRE
from tracker.probes.reply import Reply
from tracker.probes.session import Session
from tracker.reports import Facts, Finding, Kind
from tracker.secret import Secret


async def check(session: Session, key: Secret | None) -> Finding:
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    of_account = session.memory.setdefault("account_tokens", set())
    if key not in of_account:
        finding = await _verify(session, key, session.place("verify_url", "path"))
        if finding.kind is not Kind.AUTH or not session.option("account_id"):
            return finding
    finding = await _verify(session, key, _account_place(session))
    if finding.kind is Kind.OK:
        of_account.add(key)  # not refused once at each check for being the other sort
    return finding


def _account_place(session: Session) -> str:
    account = quote(session.option("account_id"), safe="")
    return session.place("account_url", "account_path").replace("{account_id}", account)


async def _verify(session: Session, key: Secret | None, place: str) -> Finding:
    reply = await session.get(place, key)
    if reply.status == 400:  # a token of the wrong form is an invalid header (6003) to it
        facts = Facts(reachable=True, authenticated=False)
        return session.found(reply, Kind.AUTH, "key refused (400): it is no API token", facts)
    return session.refused(reply) or _verified(session, reply)


def _verified(session: Session, reply: Reply) -> Finding:
    body = reply.json if isinstance(reply.json, dict) else {}
    result = body.get("result")
    state = result.get("status") if isinstance(result, dict) else None
    if body.get("success") is not True or not isinstance(state, str):
        return session.misshapen(reply, "it does not say whether the token is active")
    facts = Facts(reachable=True, authenticated=state == "active")
    if state != "active":
        return session.found(reply, Kind.AUTH, f"key refused: the token is {state}", facts)
    return session.found(reply, Kind.OK, "", facts)
