"""Google's Generative Language API: the model list needs the key, sent in a header.

One page of 1,000 holds every model, so the list is also what ``/models`` shows.
(google-genai 3.4.0 _api_client.py; https://ai.google.dev/gemini-api/docs)
"""

from collections.abc import Mapping
from typing import Any

from tracker.core.outcomes import CheckResult
from tracker.core.redaction import Secret
from tracker.core.request_shape import RequestShape
from tracker.probes.completions import CompletionFormat, complete
from tracker.probes.json_values import as_list, as_mapping
from tracker.probes.list_models import check_list
from tracker.probes.session import Session


async def check(session: Session, key: Secret | None) -> CheckResult:
    """Ask for the model list, or for generated content where a completion is configured."""
    if session.provider.check == "chat":
        return await complete(session, key, WIRE)
    return await check_list(session, key, session.option("path"))


def body(shape: RequestShape, _model: str) -> dict[str, Any]:
    """Return the JSON of a generateContent request; the model stands in its path."""
    return {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"maxOutputTokens": shape.tokens},
    }


def is_blocked(event: Mapping[str, Any]) -> bool:
    """Return whether the prompt was refused: our check's fault, not the model's."""
    return bool(as_mapping(event.get("promptFeedback")).get("blockReason"))


def answers(event: Mapping[str, Any]) -> bool:
    """Return whether an event has a candidate."""
    return bool(as_list(event.get("candidates")))


# A token spent on thinking gives a candidate without text: it still shows that the model answers.
WIRE = CompletionFormat(body=body, answers=answers, speaks=answers, is_blocked=is_blocked)
