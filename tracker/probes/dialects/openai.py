"""OpenAI's API and all compatible ones: a model list, or a completion of one token."""

from collections.abc import Mapping
from typing import Any

from tracker.core.outcomes import CheckResult
from tracker.core.redaction import Secret
from tracker.core.request_shape import RequestShape
from tracker.probes.completions import HELLO, CompletionFormat, complete
from tracker.probes.json_values import as_mapping, mappings
from tracker.probes.list_models import check_list
from tracker.probes.session import Session

# Fields with a model's text: reasoning models write their thoughts into a separate one.
SPOKEN = ("content", "reasoning_content", "reasoning", "tool_calls")


async def check(session: Session, key: Secret | None) -> CheckResult:
    """Ask for the model list, or for a completion where that is configured."""
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    return await check_list(session, key, session.option("path"))


def body(shape: RequestShape, model: str) -> dict[str, Any]:
    """Return the JSON of a chat completion with one greeting."""
    return {"model": model, "messages": HELLO, shape.field: shape.tokens, "stream": shape.stream}


def answers(event: Mapping[str, Any]) -> bool:
    """Return whether text came; a streamed role alone is sent before the model is asked."""
    choice = _choice(event)
    return choice is not None and ("delta" not in choice or speaks(event))


def speaks(event: Mapping[str, Any]) -> bool:
    """Return whether an event brings a first token or the reason of the end."""
    choice = _choice(event) or {}
    delta = as_mapping(choice.get("delta"))
    said = any(delta.get(field) for field in SPOKEN)
    return bool(said or choice.get("finish_reason"))


def _choice(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next(mappings(event.get("choices"), 1), None)


WIRE = CompletionFormat(body=body, answers=answers, speaks=speaks)
