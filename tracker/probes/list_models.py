"""Requesting model lists: as the check itself, or once an hour in addition to another one."""

import trio

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.probes.http.failures import FetchError
from tracker.probes.http.response import BoundedResponse
from tracker.probes.model_lists import ModelList, pause_between, read_models, slices
from tracker.probes.session import Session

PACE = 3600.0  # seconds between two lists that are not the check itself
PATIENCE = 3.0  # seconds such a list may take: the check itself is done and must not time out


async def check_list(session: Session, key: Secret | None, path: str) -> CheckResult:
    """Check the model list. It proves the key only where it is known to need one."""
    reply = await session.get_list(path, key)
    return session.find_refusal(reply) or await judge_list(session, reply, key)


async def judge_list(session: Session, reply: BoundedResponse, key: Secret | None) -> CheckResult:
    """Judge a list that was not refused."""
    models = await read_models(reply.json)
    if models is None:
        return session.reject_shape(reply, "it is not a list of models")
    proven = key is not None and session.provider.list_public is False
    facts = Facts(reachable=True, authenticated=True if proven else None)
    return session.make_result(
        reply, OutcomeKind.OK, "", facts, models=await mask_model_names(session, models)
    )


async def mask_model_names(session: Session, models: ModelList) -> tuple[str, ...]:
    """Mask secrets in model names, where an answer might echo a key."""
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
