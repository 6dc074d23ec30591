"""Answers in the shapes that providers' documents and public code record, by catalogue name.

None was taken from a provider itself. What is not recorded for one provider has the shape that
its dialect's first speaker (OpenAI) gives it.
"""

from typing import Any

import attrs

from tests.helpers.loopback import Answer, Asked, answer, events
from tracker.core.outcomes import Facts, OutcomeKind
from tracker.core.rate_limits import LimitReading

FIREWALL = answer(
    "<!DOCTYPE html><html><head><title>Just a moment...</title>", 403, cf_ray="8f1-FRA"
)
PROVEN = Facts(reachable=True, authenticated=True)
SEEN = Facts(reachable=True)
INFERRED = Facts(reachable=True, authenticated=True, quota_available=True, inference=True)


@attrs.frozen(kw_only=True)
class Case:
    """One provider's good answer, and its five refusals.

    routes: answers by method and target; requests: those expected of a first check, in order.
    models, limits: what is read out of it.
    """

    routes: dict[str, Answer]
    requests: tuple[str, ...]
    facts: Facts
    models: tuple[str, ...] | None = None
    limits: tuple[LimitReading, ...] = ()
    header: str = "authorization"
    scheme: str = "Bearer "
    bad_key: Answer = answer(
        {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, 401
    )
    spent: Answer = answer({"error": {"code": "insufficient_quota", "message": "no credit"}}, 429)
    limited: Answer = answer(
        {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, 429, retry_after="7"
    )
    overloaded: Answer = answer({"error": {"message": "overloaded"}}, 503)
    options: dict[str, str] = attrs.field(factory=dict)
    base: str = ""
    completions: int = 0

    def well(self, asked: Asked) -> Answer:
        unknown = answer({"error": {"message": "no such route"}}, 404)
        return self.routes.get(f"{asked.method} {asked.target}", unknown)


def openai_list(*names: str) -> Answer:
    models = [{"id": name, "object": "model", "created": 1, "owned_by": "them"} for name in names]
    return answer({"object": "list", "data": models})


def listing(*names: str, **more: Any) -> Case:
    """A provider of OpenAI's dialect whose list needs the key."""
    fields = {
        "routes": {"GET /models": openai_list(*names)},
        "requests": ("GET /models",),
        "facts": PROVEN,
        "models": names,
    }
    return Case(**(fields | more))


COMPLETION = events(
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"index": 0, "delta": {"content": "Hi"}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
)


def chatting(*names: str, **more: Any) -> Case:
    """A provider that is asked for a completion of the first model on its list."""
    fields = {
        "routes": {"GET /models": openai_list(*names), "POST /chat/completions": COMPLETION},
        "requests": ("GET /models", "POST /chat/completions"),
        "facts": INFERRED,
        "models": names,
        "completions": 1,
    }
    return Case(**(fields | more))


def g4f() -> Case:
    return Case(
        routes={"POST /chat/completions": COMPLETION},
        requests=("POST /chat/completions",),
        facts=INFERRED,
        completions=1,
        bad_key=answer({"error": {"message": "Invalid API key"}}, 403),
        spent=answer({"error": {"message": "no credit"}}, 402),
        limited=answer({"error": {"message": "Rate limit"}, "provider": "Groq"}, 429),
    )


def google_error(status: int, name: str, *details: object, message: str = "no") -> Answer:
    error = {"code": status, "status": name, "message": message, "details": list(details)}
    return answer({"error": error}, status)


QUOTA_FAILURE = "type.googleapis.com/google.rpc.QuotaFailure"
GOOGLE = Case(
    routes={
        "GET /models?pageSize=1000": answer(
            {"models": [{"name": "models/gemini-3.5-flash", "version": "3.5"}]}
        )
    },
    requests=("GET /models?pageSize=1000",),
    facts=PROVEN,
    models=("gemini-3.5-flash",),
    header="x-goog-api-key",
    scheme="",
    bad_key=google_error(400, "INVALID_ARGUMENT", {"reason": "API_KEY_INVALID"}),
    spent=google_error(
        429,
        "RESOURCE_EXHAUSTED",
        {"@type": QUOTA_FAILURE, "violations": [{"quotaId": "RequestsPerDay-FreeTier"}]},
    ),
    limited=google_error(
        429,
        "RESOURCE_EXHAUSTED",
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"},
    ),
    overloaded=google_error(503, "UNAVAILABLE"),
)

CASES = {
    "groq": listing("openai/gpt-oss-20b"),
    "openrouter": Case(
        routes={
            "GET /key": answer(
                {
                    "data": {
                        "label": "sk-or-v1-0e6...1c",
                        "limit": 20.0,
                        "limit_remaining": 5.0,
                        "limit_reset": None,
                        "is_free_tier": False,
                        "rate_limit": {"requests": -1, "interval": "10s"},
                        "free_model_daily_requests": {"limit": 1000, "used": 250, "remaining": 750},
                    }
                }
            ),
            "GET /models": openai_list("openai/gpt-oss-20b:free"),
        },
        requests=("GET /key", "GET /models"),
        facts=Facts(reachable=True, authenticated=True, quota_available=True),
        models=("openai/gpt-oss-20b:free",),
        limits=(
            LimitReading(name="credits", limit=20.0, remaining=5.0),
            LimitReading(
                name="free_requests_day", limit=1000.0, remaining=750.0, window_seconds=86400.0
            ),
        ),
        bad_key=answer({"error": {"message": "User not found.", "code": 401}}, 401),
        spent=answer({"error": {"message": "Insufficient credits", "code": 402}}, 402),
        limited=answer({"error": {"message": "slow down", "code": 429}}, 429, retry_after="7"),
        overloaded=answer({"error": {"message": "Provider overloaded", "code": 529}}),
    ),
    "together": listing(
        "openai/gpt-oss-20b",
        routes={"GET /models": answer([{"id": "openai/gpt-oss-20b", "type": "chat"}])},
        facts=SEEN,  # not confirmed: that the list needs the key
        limited=answer({"error": {"type": "dynamic_request_limited"}}, 429, retry_after="7"),
        spent=answer({"error": {"message": "Credit limit exceeded"}}, 402),
    ),
    "nvidia": chatting(
        "meta/llama-3.1-8b-instruct",
        bad_key=answer(
            {"status": 403, "title": "Forbidden", "detail": "Authorization failed"}, 403
        ),
        limited=answer({"status": 429, "title": "Too Many Requests"}, 429),
        spent=answer({"status": 402, "title": "Payment Required"}, 402),
    ),
    "mistral": listing(
        "mistral-small",
        bad_key=answer({"detail": "Unauthorized"}, 401),
        limited=answer({"object": "error", "type": "rate_limited", "code": "1300"}, 429),
        spent=answer(
            {"object": "error", "type": "rate_limited", "code": "1300"},
            429,
            x_ratelimit_limit_req_minute="0",
        ),
        overloaded=answer(
            {"object": "error", "type": "service_tier_capacity_exceeded", "code": "3505"}, 429
        ),
    ),
    "huggingface": Case(
        routes={
            "GET /api/whoami-v2": answer({"type": "user", "name": "somebody"}),
            "GET /models": openai_list("openai/gpt-oss-20b"),
        },
        requests=("GET /api/whoami-v2", "GET /models"),
        facts=PROVEN,
        models=("openai/gpt-oss-20b",),
        bad_key=answer({"error": "Invalid username or password."}, 401),
        spent=answer({"error": "You have exceeded your monthly included credits"}, 402),
        limited=answer({"error": "rate limited"}, 429, ratelimit='"api";r=0;t=7'),
    ),
    "gemini": GOOGLE,
    "google": GOOGLE,
    "gemini_cli": Case(
        routes={
            "POST /v1internal:loadCodeAssist": answer({"currentTier": {"id": "standard-tier"}}),
            "POST /v1internal:retrieveUserQuota": answer(
                {
                    "buckets": [
                        {
                            "modelId": "gemini-3.5-flash",
                            "tokenType": "REQUESTS",
                            "remainingFraction": 0.25,
                        }
                    ]
                }
            ),
        },
        requests=("POST /v1internal:loadCodeAssist", "POST /v1internal:retrieveUserQuota"),
        facts=Facts(reachable=True, authenticated=True, quota_available=True),
        limits=(LimitReading(name="gemini-3.5-flash requests", limit=100.0, remaining=25.0),),
        options={"project": "my-project"},
        base="/v1internal",
        bad_key=google_error(401, "UNAUTHENTICATED"),
        spent=google_error(429, "RESOURCE_EXHAUSTED", {"reason": "QUOTA_EXHAUSTED"}),
        limited=google_error(429, "RESOURCE_EXHAUSTED", {"reason": "RATE_LIMIT_EXCEEDED"}),
        overloaded=google_error(429, "RESOURCE_EXHAUSTED", {"reason": "MODEL_CAPACITY_EXHAUSTED"}),
    ),
    "g4f_main": g4f(),
    "g4f_groq": g4f(),
    "g4f_grok": g4f(),
    "g4f_gemini": g4f(),
    "g4f_nvidia": g4f(),
    "g4f_ollama": g4f(),
    "g4f_pollinations": g4f(),
    "openai": listing("gpt-oss-20b"),
    "anthropic": listing(
        "claude-haiku",
        routes={
            "GET /models?limit=1000": answer(
                {"data": [{"type": "model", "id": "claude-haiku"}], "has_more": False}
            )
        },
        requests=("GET /models?limit=1000",),
        header="x-api-key",
        scheme="",
        bad_key=answer({"type": "error", "error": {"type": "authentication_error"}}, 401),
        spent=answer({"type": "error", "error": {"type": "billing_error"}}, 402),
        limited=answer(
            {"type": "error", "error": {"type": "rate_limit_error"}}, 429, retry_after="7"
        ),
        overloaded=answer({"type": "error", "error": {"type": "overloaded_error"}}, 529),
    ),
    "cerebras": listing("gpt-oss-120b"),
    "deepseek": Case(
        routes={
            "GET /user/balance": answer(
                {
                    "is_available": True,
                    "balance_infos": [{"currency": "USD", "total_balance": "12.50"}],
                }
            ),
            "GET /models": openai_list("deepseek-chat"),
        },
        requests=("GET /user/balance", "GET /models"),
        facts=Facts(reachable=True, authenticated=True, quota_available=True),
        models=("deepseek-chat",),
        limits=(LimitReading(name="balance_usd", remaining=12.5),),
        spent=answer({"error": {"message": "Insufficient Balance"}}, 402),
    ),
    "cohere": Case(
        routes={
            "POST /v1/check-api-key": answer({"valid": True, "organization_id": "o"}),
            "GET /v1/models?page_size=1000": answer(
                {"models": [{"name": "command-r", "endpoints": ["chat"]}]}
            ),
        },
        requests=("POST /v1/check-api-key", "GET /v1/models?page_size=1000"),
        facts=PROVEN,
        models=("command-r",),
        bad_key=answer({"message": "invalid api token", "id": "1"}, 401),
        spent=answer({"message": "billing", "id": "1"}, 402),
        limited=answer({"message": "trial key", "id": "1"}, 429, retry_after="7"),
    ),
    "cloudflare": Case(
        routes={
            "GET /user/tokens/verify": answer(
                {"success": True, "errors": [], "result": {"id": "t", "status": "active"}}
            ),
            "GET /accounts/acc/ai/models/search?per_page=200": answer(
                {
                    "success": True,
                    "result": [
                        {
                            "id": "429b9e8b-d99e-44de-91ad-706cf8183658",
                            "name": "@cf/qwen/qwen1.5-7b-chat-awq",
                            "task": {"id": "c329a1f9", "name": "Text Generation"},
                            "properties": [
                                {"property_id": "context_window", "value": "20000"},
                                {
                                    "property_id": "planned_deprecation_date",
                                    "value": "2025-10-01",
                                },
                            ],
                        }
                    ],
                }
            ),
        },
        requests=(
            "GET /user/tokens/verify",
            "GET /accounts/acc/ai/models/search?per_page=200",
        ),
        facts=PROVEN,
        models=("@cf/qwen/qwen1.5-7b-chat-awq",),
        options={"account_id": "acc"},
        bad_key=answer(
            {"success": False, "errors": [{"code": 1000, "message": "Invalid API Token"}]}, 401
        ),
        spent=answer({"success": False, "errors": [{"message": "spent"}]}, 402),
        limited=answer({"success": False, "errors": [{"message": "slow"}]}, 429, retry_after="7"),
    ),
    "sambanova": chatting(
        "gpt-oss-120b", spent=answer({"error": {"code": "PAYMENT_METHOD_REQUIRED"}}, 402)
    ),
    "fireworks": listing(
        "accounts/fireworks/models/gpt-oss-20b",
        facts=SEEN,  # not confirmed: that the list needs the key
        spent=answer({"error": {"message": "payment required"}}, 402),
    ),
}

REFUSALS = {
    "bad_key": (OutcomeKind.AUTH, {"authenticated": False}),
    "spent": (OutcomeKind.QUOTA_EXHAUSTED, {"quota_available": False}),
    "limited": (OutcomeKind.RATE_LIMITED, {"quota_available": False}),
    "overloaded": (OutcomeKind.OVERLOADED, {}),
    "blocked": (OutcomeKind.BLOCKED, {}),
}
