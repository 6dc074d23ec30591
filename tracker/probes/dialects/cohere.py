"""Cohere: ``check-api-key`` says whether the key is valid without spending a token.

(https://docs.cohere.com/reference/check-api-key, https://docs.cohere.com/reference/chat-stream)
"""

from collections.abc import Mapping
from typing import Any

from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.request_shape import RequestShape
from tracker.probes.completions import HELLO, CompletionFormat, complete
from tracker.probes.json_values import as_bool, as_mapping, as_text
from tracker.probes.list_models import check_list, hourly_models
from tracker.probes.session import Session

ANSWERS = frozenset({"content-delta", "message-end"})


async def check(session: Session, key: Secret | None) -> CheckResult:
    """Verify the key, or list models or ask for a completion where that is configured."""
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    if session.provider.check == "models":
        return await check_list(session, key, session.option("models_path"))
    return await _check_key(session, key)


async def _check_key(session: Session, key: Secret | None) -> CheckResult:
    reply = await session.post(session.option("path"), key)
    if (refusal := session.find_refusal(reply)) is not None:
        return refusal
    valid = as_bool(as_mapping(reply.json).get("valid"))
    if valid is None:
        return session.reject_shape(reply, "it does not say whether the key is valid")
    facts = Facts(reachable=True, authenticated=valid)
    if not valid:
        return session.make_result(reply, OutcomeKind.AUTH, "key refused: it is not valid", facts)
    models = await hourly_models(session, key)
    return session.make_result(reply, OutcomeKind.OK, "", facts, models=models)


def body(shape: RequestShape, model: str) -> dict[str, Any]:
    """Return the JSON of a v2 chat request with one greeting."""
    return {
        "model": model,
        "messages": HELLO,
        "max_tokens": shape.tokens,
        "stream": shape.stream,
    }


def answers(event: Mapping[str, Any]) -> bool:
    """Return whether an event has content or the end of an answer."""
    return (
        as_text(event.get("type")) in {"content-delta", "message-end"} or "finish_reason" in event
    )


def speaks(event: Mapping[str, Any]) -> bool:
    """Return whether an event brings the first token."""
    return event.get("type") == "content-delta"


WIRE = CompletionFormat(body=body, answers=answers, speaks=speaks)
