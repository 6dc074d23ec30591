"""Answers of a provider of the OpenAI dialect, good ones and errors. Pure functions."""

import json
from collections.abc import Iterable
from typing import Any

from tracker.testing.provider_behavior import ProviderBehavior
from tracker.testing.wire import HTML, Fields, Reply

CREATED = 1_767_225_600  # any second will do; a fixed one keeps answers equal between runs
WORDS = ("Hello", " from", " a", " simulated", " provider", ".")


def model_list(models: Iterable[str], owner: str) -> Reply:
    """Return a list of models as the OpenAI API gives it."""
    data = [
        {"id": model, "object": "model", "created": CREATED, "owned_by": owner, "active": True}
        for model in models
    ]
    return _json(200, {"object": "list", "data": data})


def completion(model: str, number: int, tokens: int) -> Reply:
    """Return a chat completion of ``tokens`` words. number: makes its id."""
    message = {"role": "assistant", "content": "".join(WORDS[:tokens])}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1}
    body = {**_frame("chat.completion", model, number), "choices": [choice], "usage": usage}
    return _json(200, body)


def completion_events(model: str, number: int, tokens: int) -> list[bytes]:
    """Return the server-sent events of a streamed completion, one a token, and the closing ones."""
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "content": WORDS[0]}, None),
        *(({"content": word}, None) for word in WORDS[1:tokens]),
        ({}, "stop"),
    ]
    frame = _frame("chat.completion.chunk", model, number)
    chunks = [
        {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        for delta, reason in deltas
    ]
    return [b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks] + [
        b"data: [DONE]\n\n"
    ]


def refusal(mood: ProviderBehavior, *, retry_after: float, quota_status: int = 429) -> Reply:
    """Return the answer of a mood that refuses; raises KeyError for one that does not."""
    if mood is ProviderBehavior.RATE_LIMITED:
        return rate_limited(retry_after)
    if mood is ProviderBehavior.QUOTA:
        message = "You exceeded your current quota, please check your plan and billing details."
        return error(quota_status, "insufficient_quota", "insufficient_quota", message)
    return _REFUSALS[mood]


def rate_limited(retry_after: float) -> Reply:
    """Return a 429 that states the seconds to wait in a header and in its text."""
    message = f"Rate limit reached. Please try again in {retry_after:.3f}s."
    reply = error(429, "requests", "rate_limit_exceeded", message)
    return reply.with_fields((("retry-after", f"{retry_after:g}"),))


def error(status: int, kind: str, code: str | None, message: str) -> Reply:
    """Return an error in the shape of the OpenAI API."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return _json(status, body)


def _json(status: int, value: Any) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode())


def _frame(kind: str, model: str, number: int) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": CREATED, "model": model}


def _page(status: int, title: str, text: str, fields: Fields = ()) -> Reply:
    html = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{text}</body></html>"
    return Reply(status=status, body=html.encode(), content_type=HTML, fields=fields)


WRONG_KEY = error(401, "invalid_request_error", "invalid_api_key", "Invalid API Key")
UNKNOWN_PATH = error(404, "invalid_request_error", "unknown_url", "Unknown request URL")
NOT_JSON = error(400, "invalid_request_error", None, "The body is not a JSON object.")
_REFUSALS = {
    ProviderBehavior.AUTH: WRONG_KEY,
    ProviderBehavior.SERVER_ERROR: error(
        500, "internal_server_error", None, "Internal Server Error"
    ),
    ProviderBehavior.OVERLOADED: error(
        503, "service_unavailable", None, "The server is overloaded."
    ),
    ProviderBehavior.NOT_FOUND: error(
        404,
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    ProviderBehavior.GARBAGE: _page(200, "Welcome", "It works!"),
    ProviderBehavior.BLOCKED: _page(
        403,
        "Just a moment...",
        "Checking your browser before you can continue",
        (
            ("server", "cloudflare"),
            ("cf-ray", "8f0a1b2c3d4e5f60-FRA"),
            ("cf-mitigated", "challenge"),
        ),
    ),
}
