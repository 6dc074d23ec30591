"""The Gemini CLI's account: checks its token, tier and quota without using any of it.

The credential file is only read; a token is refreshed in memory. A valid token is not enough:
since 2026-06-18 Google refuses individuals here, with a valid token and no ``currentTier``.
(google-gemini/gemini-cli packages/core/src/code_assist/{server,setup,types}.ts)
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs
import trio

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.redaction import Secret
from tracker.probes.google_login import Login, access_token, renew_login
from tracker.probes.http.failures import FetchError
from tracker.probes.http.response import BoundedResponse
from tracker.probes.json_values import as_list, as_text, mappings
from tracker.probes.limits.values import amount, wait
from tracker.probes.session import Session

PATIENCE = 3.0  # seconds for the quota: the check itself is done and must not time out
BUCKETS = 24  # at most this many are read; an account has one per model and token type
METADATA = {
    "ideType": "IDE_UNSPECIFIED",
    "platform": "PLATFORM_UNSPECIFIED",
    "pluginType": "GEMINI",
}


async def check(session: Session, _: Secret | None) -> CheckResult:
    """Ask for the account's tier with the login of the command line, renewed once on a 401."""
    login = await access_token(session)
    if isinstance(login, CheckResult):
        return login
    finding = await _check_tier(session, login)
    if finding.http_status == 401 and login.refresh is not None and not login.fresh:
        # the token was revoked early, or our clock is wrong
        login = await renew_login(session, login)
        if isinstance(login, CheckResult):
            return login
        finding = await _check_tier(session, login)
    if finding.kind is not OutcomeKind.OK or not session.option("project"):
        return finding
    return await _with_quota(session, login, finding)


async def _check_tier(session: Session, login: Login) -> CheckResult:
    body: dict[str, Any] = {"metadata": METADATA, "mode": "HEALTH_CHECK"}
    if project := session.option("project"):
        body["cloudaicompanionProject"] = project
    reply = await session.post(session.option("path"), login.token, body)
    return session.find_refusal(reply) or _judge_tier(session, reply)


def _judge_tier(session: Session, reply: BoundedResponse) -> CheckResult:
    if not isinstance(reply.json, dict):
        return session.reject_shape(reply, "it contains no account")
    facts = Facts(reachable=True, authenticated=True)
    if isinstance(reply.json.get("currentTier"), dict):
        return session.make_result(reply, OutcomeKind.OK, "", facts)
    if as_list(reply.json.get("allowedTiers")) and not as_list(reply.json.get("ineligibleTiers")):
        message = "the account is not set up for the Gemini CLI yet: run `gemini` once"
        return session.make_result(reply, OutcomeKind.AUTH, message, facts)
    reason = _ineligible(reply.json.get("ineligibleTiers"))
    message = f"the token is valid, but the account has no tier of the Gemini CLI: {reason}"
    return session.make_result(reply, OutcomeKind.AUTH, message, facts)


def _ineligible(tiers: object) -> str:
    """Return Google's reason why there is no tier."""
    tier = next(mappings(tiers, 1), {})
    told = (as_text(tier.get(name)) for name in ("reasonCode", "reasonMessage"))
    return ", ".join(filter(None, told)) or "no reason was given"


async def _with_quota(session: Session, login: Login, finding: CheckResult) -> CheckResult:
    """Add the account's buckets to the finding; it is spent when every one of them is."""
    limits = session.secrets.mask_names(await _quota(session, login))
    if not limits:
        return finding
    finding = attrs.evolve(finding, limits=limits, limits_source=LimitSource.BODY)
    if any(limit.remaining for limit in limits):
        facts = attrs.evolve(finding.facts, quota_available=True)
        return attrs.evolve(finding, facts=facts)
    now = session.clock.now()
    resets = [(one.reset_at - now).total_seconds() for one in limits if one.reset_at is not None]
    return attrs.evolve(
        finding,
        kind=OutcomeKind.QUOTA_EXHAUSTED,
        message="quota used up for every model",
        facts=attrs.evolve(finding.facts, quota_available=False),
        retry_after=max(min(resets), 0.0) if resets else None,
    )


async def _quota(session: Session, login: Login) -> tuple[LimitReading, ...]:
    """Return the buckets of the project's quota; none where it does not tell them."""
    with trio.move_on_after(PATIENCE):
        body = {"project": session.option("project")}
        try:
            reply = await session.post(session.option("quota_path"), login.token, body)
        except FetchError:
            return ()
        if reply.status == 200 and isinstance(reply.json, dict):
            return tuple(readings(reply.json.get("buckets"), session.clock.now()))
    return ()


def readings(buckets: object, now: datetime) -> Iterator[LimitReading]:
    """Yield a reading a bucket, in percent; the CLI skips those without a fraction (0.61)."""
    for bucket in mappings(buckets, BUCKETS):
        model = as_text(bucket.get("modelId"))
        if model and amount(bucket.get("remainingFraction")) is not None:
            yield _reading(model, bucket, now)


def _reading(model: str, bucket: Mapping[str, Any], now: datetime) -> LimitReading:
    left = min(amount(bucket.get("remainingFraction")) or 0.0, 1.0)
    reset = wait(bucket.get("resetTime"), now)
    name = f"{model} {as_text(bucket.get('tokenType')).lower()}".strip()
    return LimitReading(
        name=("".join(c for c in name if c.isprintable()) or "model")[:80],
        limit=100.0,
        remaining=100.0 * left,
        reset_at=None if reset is None else now + timedelta(seconds=reset),
    )
