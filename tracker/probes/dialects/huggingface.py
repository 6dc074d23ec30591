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
CONCLUSIVE = frozenset({Kind.OK, Kind.AUTH})


async def check(session: Session, key: Secret | None) -> Finding:
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    if session.provider.check == "models" or key is None:
        return await check_list(session, key, session.option("models_path"))
    proven = await _key_is_good(session, key)
    if isinstance(proven, Finding):
        return proven
    finding = await check_list(session, key, session.option("models_path"))
    if finding.kind is not Kind.OK:
        return finding
    return attrs.evolve(
        finding,
        facts=attrs.evolve(finding.facts, authenticated=proven),
        message=_told(session, key, proven=proven),
    )


async def _key_is_good(session: Session, key: Secret) -> bool | Finding | None:
    """True while its last verdict holds; None when whoami said nothing of it; or its refusal."""
    verdicts = session.memory.setdefault("verdicts", {})
    now = session.clock.steady()
    if key in verdicts and now < verdicts[key][1]:
        good: bool | None = verdicts[key][0]
        return good
    finding = await _whoami(session, key)
    if finding is not None and finding.kind is Kind.AUTH:
        verdicts.pop(key, None)
        return finding
    good = True if finding is not None and finding.kind is Kind.OK else None
    wait = finding.retry_after if finding is not None else None
    verdicts[key] = (good, now + max(_validity(session) if good else 0.0, wait or 0.0), now)
    return good


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
    seconds = session.options.get("verdict_seconds", 3600)
    return float(seconds) if isinstance(seconds, int | float) else 3600.0


def _told(session: Session, key: Secret, *, proven: bool | None) -> str:
    if proven is None:
        return "whoami did not answer: the key is not proven now"
    age = session.clock.steady() - session.memory["verdicts"][key][2]
    return f"key verified {age / 60:.0f} min ago; now only the public list was read" if age else ""
