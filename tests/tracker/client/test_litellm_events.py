"""LiteLLM's events, as recorded from its Router, become reports."""

from typing import Any

import pytest

from tracker.client.litellm_events import read_event


def event(error: Exception | None = None, **payload: Any) -> dict[str, Any]:
    recorded = {
        "model": "openai/m1",
        "custom_llm_provider": "openai",
        "startTime": 100.0,
        "endTime": 100.5,
        "completionStartTime": 100.1,
        "completion_tokens": 5,
        "error_information": {"error_class": type(error).__name__ if error else ""},
    }
    return {"exception": error, "standard_logging_object": recorded | payload}


def exception(name: str, status: int | None = None, **more: Any) -> Exception:
    error: Exception = type(name, (Exception,), {"status_code": status, **more})("boom")
    return error


def test_a_success_reports_model_latency_and_tokens() -> None:
    told = read_event(event(), failed=False)
    assert (told["outcome"], told["model"], told["output_tokens"]) == ("ok", "m1", 5)
    assert told["latency_ms"] == pytest.approx(500.0)
    assert told["ttft_ms"] is None


def test_a_stream_also_reports_the_time_to_its_first_token() -> None:
    told = read_event(event(stream=True), failed=False)
    assert (told["ttft_ms"], told["latency_ms"]) == pytest.approx((100.0, 500.0))


def test_a_cache_hit_is_no_call_of_the_provider() -> None:
    assert read_event(event(cache_hit=True), failed=False)["outcome"] == "cached"
    assert read_event({**event(), "cache_hit": True}, failed=False)["outcome"] == "cached"


def test_a_failure_reports_status_and_code() -> None:
    error = exception("RateLimitError", 429, code="rate_limit_exceeded")
    told = read_event(event(error, error_str="slow down"), failed=True)
    assert told["http_status"] == 429
    assert told["error"] == {
        "type": "RateLimitError",
        "code": "rate_limit_exceeded",
        "message": "slow down",
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (exception("Timeout", 408), "timeout"),
        (exception("APIConnectionError", 500), "connect"),
        (exception("ModuleNotFoundError"), "internal"),
    ],
)
def test_a_call_without_an_answer_is_reported_by_its_outcome(
    error: Exception, outcome: str
) -> None:
    assert read_event(event(error), failed=True)["outcome"] == outcome


def test_a_bug_of_litellm_is_not_the_providers_failure() -> None:
    error = exception("APIConnectionError", 500)
    error.__context__ = AttributeError("'ModelResponse' object has no attribute")
    assert read_event(event(error), failed=True)["outcome"] == "internal"


def test_a_cycle_of_exception_causes_ends() -> None:
    error, other = exception("InternalServerError", 500), ValueError()
    error.__context__, other.__context__ = other, error
    assert read_event(event(error), failed=True)["http_status"] == 500


def test_limits_come_from_the_providers_headers() -> None:
    passed_on = {"llm_provider-x-ratelimit-remaining-requests": "9", "x-litellm-model": "m"}
    told = read_event(event(hidden_params={"additional_headers": passed_on}), failed=False)
    assert told["limits"] == {"x-ratelimit-remaining-requests": "9"}


@pytest.mark.parametrize("kwargs", [{}, {"standard_logging_object": None}, {"exception": 5}])
@pytest.mark.parametrize("failed", [True, False])
def test_an_event_of_another_shape_is_read_as_far_as_it_goes(
    kwargs: dict[str, Any], failed: bool
) -> None:
    assert read_event(kwargs, failed=failed)["outcome"] in {"ok", "internal"}
