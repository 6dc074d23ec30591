"""Converting LiteLLM's events to arguments of ``client.report``. Pure.

Observed with litellm 1.106 to 1.110: a failure event comes for each attempt; a stream's
``response_time`` is the time to its first token; LiteLLM's own time-outs have a 408; a lost
connection has a 500, and so does a bug of LiteLLM; a cache hit looks like any success.
"""

from collections.abc import Iterator, Mapping
from typing import Any

PROVIDERS_HEADER = "llm_provider-"  # LiteLLM's prefix for the provider's headers
# Causes of a wrapped error that mean a bug in LiteLLM, not a fault of the provider.
BUGS = (AttributeError, TypeError, KeyError, ImportError)
MOST_CAUSES = 10  # nested causes followed; a chain may be circular


def read_event(kwargs: Mapping[str, Any], *, failed: bool) -> dict[str, Any]:
    """Return what a success or failure event says, without the provider's name."""
    payload = part(kwargs, "standard_logging_object")
    error = kwargs.get("exception") if failed else None
    return {
        "model": _model(kwargs, payload),
        "latency_ms": _between(payload, "startTime", "endTime"),
        "ttft_ms": _between(payload, "startTime", "completionStartTime")
        if payload.get("stream") and not failed
        else None,
        "output_tokens": None if failed else payload.get("completion_tokens"),
        "limits": _headers(payload, error),
        **(_failure(payload, error) if failed else _success(kwargs, payload)),
    }


def part(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a mapping inside another, an empty one where there is none."""
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _success(kwargs: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    cached = kwargs.get("cache_hit") or payload.get("cache_hit")
    return {"outcome": "cached" if cached else "ok"}


def _failure(payload: Mapping[str, Any], error: object) -> dict[str, Any]:
    told = part(payload, "error_information")
    name = str(told.get("error_class") or type(error).__name__)
    if "Timeout" in name:
        return {"outcome": "timeout"}
    status = getattr(error, "status_code", None)
    if status is None or any(isinstance(cause, BUGS) for cause in _causes(error)):
        return {"outcome": "internal"}
    if name == "APIConnectionError":
        return {"outcome": "connect"}
    message = payload.get("error_str") or str(error)
    code = getattr(error, "code", None) or told.get("error_code") or None
    return {
        "http_status": status,
        "error": {"type": name, "code": code, "message": message},
    }


def _causes(error: object) -> Iterator[object]:
    for _ in range(MOST_CAUSES):
        if error is None:
            return
        yield error
        error = getattr(error, "__cause__", None) or getattr(error, "__context__", None)


def _model(kwargs: Mapping[str, Any], payload: Mapping[str, Any]) -> str | None:
    """Return the provider's own id, without the prefix by which LiteLLM chooses it."""
    model = str(payload.get("model") or kwargs.get("model") or "")
    provider = payload.get("custom_llm_provider")
    return model.removeprefix(f"{provider}/") or None


def _between(payload: Mapping[str, Any], began: str, ended: str) -> float | None:
    first, last = payload.get(began), payload.get(ended)
    if not isinstance(first, int | float) or not isinstance(last, int | float):
        return None
    return (last - first) * 1000.0


def _headers(payload: Mapping[str, Any], error: object) -> dict[str, Any] | None:
    response = getattr(getattr(error, "response", None), "headers", None)
    if response is not None:
        return dict(response)
    passed_on = part(part(payload, "hidden_params"), "additional_headers")
    return {
        name.removeprefix(PROVIDERS_HEADER): value
        for name, value in passed_on.items()
        if name.startswith(PROVIDERS_HEADER)
    }
