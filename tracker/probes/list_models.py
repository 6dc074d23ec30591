"""Requesting model lists: as the check itself, or once an hour in addition to another one."""

from collections.abc import Mapping
from datetime import date
from hashlib import blake2b

import attrs
import trio

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Mask, Secret
from tracker.probes.http.failures import FetchError
from tracker.probes.http.response import BoundedResponse
from tracker.probes.model_lists import ModelList, pause_between, read_models, slices
from tracker.probes.refusals.firewalls import is_firewall
from tracker.probes.session import Session

PACE = 3600.0  # seconds between two lists that are not the check itself
OK = 200
PATIENCE = 3.0  # seconds such a list may take: the check itself is done and must not time out


@attrs.frozen(kw_only=True, eq=False)
class ReadList:
    """What a check has read in a list: the same body means the same again, without reading it.

    digest: of the body. kind: its Content-Type. mask: the secrets masked in the names.
    """

    digest: bytes
    kind: str
    mask: Mask
    names: tuple[str, ...]
    retiring: Mapping[str, date]
    tasks: Mapping[str, str]

    def is_said_by(self, reply: BoundedResponse, mask: Mask) -> bool:
        """Return whether an answer says just this, and no firewall says that it sent it."""
        return (
            reply.status == OK
            and self.mask is mask
            and self.digest == _digest(reply.body)
            and self.kind == reply.header("content-type")
            and not is_firewall(reply)
        )


async def check_list(session: Session, key: Secret | None, path: str) -> CheckResult:
    """Check the model list. It proves the key only where it is known to need one."""
    reply = await session.get_list(path, key)
    known = session.memory.get("read_list")
    if isinstance(known, ReadList) and known.is_said_by(reply, session.secrets.masking):
        session.memory["retiring"], session.memory["tasks"] = known.retiring, known.tasks
        return _list_result(session, reply, key, known.names)
    return session.find_refusal(reply) or await judge_list(session, reply, key)


async def judge_list(session: Session, reply: BoundedResponse, key: Secret | None) -> CheckResult:
    """Judge a list that was not refused."""
    models = await read_models(reply.json)
    if models is None:
        return session.reject_shape(reply, "it is not a list of models")
    names = await mask_model_names(session, models)
    session.memory["read_list"] = ReadList(
        digest=_digest(reply.body),
        kind=reply.header("content-type"),
        mask=session.secrets.masking,
        names=names,
        retiring=models.retiring,
        tasks=models.tasks,
    )
    return _list_result(session, reply, key, names)


def _list_result(
    session: Session, reply: BoundedResponse, key: Secret | None, names: tuple[str, ...]
) -> CheckResult:
    proven = key is not None and session.provider.list_public is False
    facts = Facts(reachable=True, authenticated=True if proven else None)
    told = session.limits(reply.headers, None)  # a body without an error states no limits
    return session.make_result(reply, OutcomeKind.OK, "", facts, told=told, models=names)


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()


async def mask_model_names(session: Session, models: ModelList) -> tuple[str, ...]:
    """Mask secrets in model names, where an answer might echo a key; say how many are missing."""
    if models.left_out != session.memory.get("left_out", 0):
        session.log.warning(
            "entries of the model list left out: they have no usable name",
            left_out=models.left_out,
            models=len(models.names),
        )
    session.memory["left_out"] = models.left_out
    session.memory["retiring"] = models.retiring
    session.memory["tasks"] = models.tasks
    masked: list[str] = []
    for some in slices(models.names):
        masked += (
            map(session.secrets.mask, some) if session.secrets.may_be_in("\n".join(some)) else some
        )
        await pause_between(models.names)
    return tuple(masked)


async def hourly_models(
    session: Session, key: Secret | None, path: str | None = None
) -> tuple[str, ...] | None:
    """Return the names on the model list, None when it is not due or did not come; proves nothing.

    path: where it is, if not at the option ``models_path``.
    """
    now = session.clock.steady()
    if now < session.memory.get("list_due", now):
        return None
    session.memory["list_due"] = now + PACE
    with trio.move_on_after(PATIENCE):
        try:
            reply = await session.get_list(path or session.option("models_path"), key)
        except FetchError:
            return None
        models = await read_models(reply.json) if reply.status == 200 else None
        return await mask_model_names(session, models) if models else None
    return None
