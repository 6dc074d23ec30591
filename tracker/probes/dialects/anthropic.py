"""Anthropic's API: the model list needs the key; a completion goes to /messages.

(https://docs.anthropic.com/en/api/messages-streaming)
"""

from collections.abc import Mapping
from typing import Any

from tracker.core.outcomes import CheckResult
from tracker.core.redaction import Secret
from tracker.core.request_shape import RequestShape
from tracker.probes.completions import HELLO, CompletionFormat, complete
from tracker.probes.json_values import as_text
from tracker.probes.list_models import check_list
from tracker.probes.session import Session

ANSWERS = frozenset({"message", "content_block_delta", "message_delta"})
SPEAKS = frozenset({"content_block_delta", "message_delta"})


async def check(session: Session, key: Secret | None) -> CheckResult:
    """Ask for the model list, or for a message where a completion is configured."""
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    return await check_list(session, key, session.option("path"))


def body(shape: RequestShape, model: str) -> dict[str, Any]:
    """Return the JSON of a Messages request with one greeting."""
    return {
        "model": model,
        "messages": HELLO,
        "max_tokens": shape.tokens,
        "stream": shape.stream,
    }


def answers(event: Mapping[str, Any]) -> bool:
    """Return whether an event shows that the Messages API answers at all."""
    return as_text(event.get("type")) in ANSWERS


def speaks(event: Mapping[str, Any]) -> bool:
    """Return whether an event brings the first token."""
    return as_text(event.get("type")) in SPEAKS


WIRE = CompletionFormat(body=body, answers=answers, speaks=speaks)
