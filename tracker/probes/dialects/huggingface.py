"""HuggingFace: the router's public list at every check, the strictly limited whoami once an hour.

(huggingface_hub 2.4.0 hf_api.py)
"""

import attrs
import trio

from tracker.probes.completions import complete
from tracker.probes.dialects.openai import WIRE
from tracker.probes.failures import FetchError
from tracker.probes.listing import check_list
from tracker.probes.session import Session
from tracker.reports import Facts, Finding, Kind
from tracker.secret import Secret

PATIENCE = 4.0  # seconds for whoami: it stands on another host than the router we watch


@attrs.frozen(kw_only=True)
class _Verdict:
    """What whoami said of a key. good: None where it said nothing. at, until: steady seconds."""

    good: bool | None
    at: float
    until: float

    def told(self, now: float) -> str:
        if self.good is None:
            return "whoami did not answer: the key is not proven now"
        return f"key verified {(now - self.at) / 60:.0f} min ago; now only the public list was read"


async def check(session: Session, key: Secret | None) -> Finding:
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    if session.provider.check == "models" or key is None:
        return await check_list(session, key, session.option("models_path"))
    verdict = _known(session, key)
    message = verdict.told(session.clock.steady()) if verdict else ""
    if verdict is None:
        asked = await _whoami(session, key)
        if asked is not None and asked.kind is Kind.AUTH:
            return asked
        verdict = _remembered(session, key, asked)
        message = "" if verdict.good else verdict.told(verdict.at)
    finding = await check_list(session, key, session.option("models_path"))
    if finding.kind is not Kind.OK:
        return finding
    facts = attrs.evolve(finding.facts, authenticated=verdict.good)
    return attrs.evolve(finding, facts=facts, message=message)


def _known(session: Session, key: Secret) -> _Verdict | None:
    """The key's last verdict while it holds."""
    verdict: _Verdict | None = session.memory.get("verdicts", {}).get(key)
    return verdict if verdict is not None and session.clock.steady() < verdict.until else None


def _remembered(session: Session, key: Secret, asked: Finding | None) -> _Verdict:
    """A good verdict holds for an hour; after none whoami is left alone for as long as it asks."""
    now = session.clock.steady()
    good = True if asked is not None and asked.kind is Kind.OK else None
    wait = asked.retry_after if asked is not None and asked.retry_after is not None else 0.0
    verdict = _Verdict(good=good, at=now, until=now + (_validity(session) if good else wait))
    session.memory.setdefault("verdicts", {})[key] = verdict
    return verdict


async def _whoami(session: Session, key: Secret) -> Finding | None:
    """What whoami found; None where it did not answer."""
    with trio.move_on_after(PATIENCE):
        try:
            reply = await session.get(session.place("verify_url", "path"), key)
        except FetchError:
            return None
        facts = Facts(reachable=True, authenticated=True)
        return session.refused(reply) or session.found(reply, Kind.OK, "", facts)
    return None


def _validity(session: Session) -> float:
    """Seconds for which a good verdict may be reused."""
    seconds = session.options.get("verdict_seconds")
    return float(seconds) if isinstance(seconds, int | float) else 3600.0
