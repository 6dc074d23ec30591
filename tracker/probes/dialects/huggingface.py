"""HuggingFace: reads the router's public list at every check, and whoami once an hour.

(huggingface_hub 2.4.0 hf_api.py)
"""

import attrs
import trio

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.health.health_state import last_reset
from tracker.probes.completions import complete
from tracker.probes.dialects.openai import WIRE
from tracker.probes.http.failures import FetchError
from tracker.probes.limits.values import DAY
from tracker.probes.list_models import check_list
from tracker.probes.session import Session

PAUSE = 240.0  # least seconds between two whoamis without a result: its rate limit is strict
PATIENCE = 4.0  # seconds for whoami: it is on another host than the router we watch


@attrs.frozen(kw_only=True)
class _Verdict:
    """What whoami said about a key. good: None where it said nothing; did: what it did instead.

    at, until: steady seconds.
    """

    good: bool | None
    did: str
    at: float
    until: float

    def told(self, now: float) -> str:
        if self.good is None:
            return f"the key could not be verified: whoami {self.did}"
        return (
            f"key verified {(now - self.at) / 60:.0f} min ago; this check read only the public list"
        )


async def check(session: Session, key: Secret | None) -> CheckResult:
    """Verify the token (an answer is kept for a while), then list the models."""
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    if session.provider.check == "models" or key is None:
        return await check_list(session, key, session.option("models_path"))
    verdict = _recall(session, key)
    message = verdict.told(session.clock.steady()) if verdict else ""
    if verdict is None:
        asked = await _whoami(session, key)
        if asked is not None and asked.kind is OutcomeKind.AUTH:
            return asked
        verdict = _remember(session, key, asked)
        message = "" if verdict.good else verdict.told(verdict.at)
    finding = await check_list(session, key, session.option("models_path"))
    if finding.kind is not OutcomeKind.OK:
        return finding
    facts = attrs.evolve(finding.facts, authenticated=verdict.good)
    return attrs.evolve(finding, facts=facts, message=message)


def _recall(session: Session, key: Secret) -> _Verdict | None:
    """Return the key's last verdict while it holds."""
    verdict: _Verdict | None = session.memory.get("verdicts", {}).get(key)
    return verdict if verdict is not None and session.clock.steady() < verdict.until else None


def _remember(session: Session, key: Secret, asked: CheckResult | None) -> _Verdict:
    """Remember a good verdict for an hour; without one, leave whoami alone as long as it asks."""
    now = session.clock.steady()
    good = True if asked is not None and asked.kind is OutcomeKind.OK else None
    did = "did not answer" if asked is None else f"answered {asked.http_status}"
    holds = _validity(session) if good else _pause(session, asked)
    verdict = _Verdict(good=good, did=did, at=now, until=now + holds)
    session.memory.setdefault("verdicts", {})[key] = verdict
    return verdict


def _pause(session: Session, asked: CheckResult | None) -> float:
    """Return seconds until whoami is asked again.

    PAUSE, or as long as its answer told, up to a day.
    """
    if asked is None:
        return PAUSE
    reset = last_reset(asked)
    until_reset = (reset - session.clock.now()).total_seconds() if reset else 0.0
    return min(max(PAUSE, until_reset, asked.retry_after or 0.0), DAY)


async def _whoami(session: Session, key: Secret) -> CheckResult | None:
    """Return what whoami found, None where it did not answer."""
    with trio.move_on_after(PATIENCE):
        try:
            reply = await session.get(session.endpoint.place("verify_url", "path"), key)
        except FetchError:
            return None
        facts = Facts(reachable=True, authenticated=True)
        return session.find_refusal(reply) or session.make_result(reply, OutcomeKind.OK, "", facts)
    return None


def _validity(session: Session) -> float:
    """Return seconds for which a good verdict may be reused."""
    seconds = session.endpoint.options.get("verdict_seconds")
    return float(seconds) if isinstance(seconds, int | float) else 3600.0
