"""Codes that vendors put into error bodies, with what they mean and where that is told."""

from collections.abc import Iterable, Mapping

import attrs

from tracker.core.outcomes import OutcomeKind


@attrs.frozen
class CodeGroup:
    """Codes of one meaning. source: who documents or reports them. In lower case.

    A number that means something only in its place is written with it: ``errors[].5007`` stands
    for Cloudflare's list, ``base_resp.1008`` for MiniMax's.
    """

    kind: OutcomeKind
    source: str
    codes: tuple[str, ...]


def _group(kind: OutcomeKind, source: str, codes: str) -> CodeGroup:
    return CodeGroup(kind, source, tuple(codes.split()))


# Codes that name the reason. They count before every word and status.
EXACT: tuple[CodeGroup, ...] = (
    _group(
        OutcomeKind.AUTH,
        "OpenAI; Groq, DeepSeek and most gateways send the same",
        "invalid_api_key incorrect_api_key invalid_authentication account_deactivated"
        " access_terminated organization_disabled expired_api_key",
    ),
    _group(
        OutcomeKind.AUTH,
        "OpenAI: platform.openai.com/docs/guides/error-codes",
        "unsupported_country_region_territory",
    ),
    _group(OutcomeKind.AUTH, "Groq: songquanpeng/one-api#1764", "organization_restricted"),
    _group(
        OutcomeKind.AUTH,
        "Anthropic: SDK, error.details.error_code",
        "organization_on_hold organization_disabled",
    ),
    _group(
        OutcomeKind.AUTH,
        "Google: ai.google.dev/gemini-api/docs/troubleshooting; gemini-cli, googleQuotaErrors.ts",
        "api_key_invalid api_key_expired api_key_service_blocked access_token_expired"
        " access_token_type_unsupported access_token_scope_insufficient service_disabled"
        " consumer_suspended account_state_invalid validation_required",
    ),
    _group(
        OutcomeKind.AUTH,
        "LiteLLM: proxy/_types.py, ProxyErrorTypes",
        "token_not_found_in_db expired_key auth_error",
    ),
    _group(
        OutcomeKind.AUTH,
        "Alibaba: help.aliyun.com/model-studio, error codes",
        "invalidapikey invalid_apikey",
    ),
    _group(
        OutcomeKind.AUTH,
        "Zhipu: docs.bigmodel.cn, error codes; MiniMax: platform.minimaxi.com",
        "1110 1111 1112 base_resp.1004 base_resp.2049",
    ),
    _group(
        OutcomeKind.AUTH,
        "Cloudflare: developers.cloudflare.com/fundamentals/api",
        "errors[].10000 errors[].1000 errors[].9109 errors[].6003",
    ),
    _group(
        OutcomeKind.AUTH,
        "Baidu: cloud.baidu.com/doc/WENXINWORKSHOP, error codes",
        "error_code.110 error_code.111 error_code.14 error_code.6",
    ),
    _group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "OpenAI: platform.openai.com/docs/guides/error-codes, BerriAI/litellm#2743",
        "insufficient_quota billing_hard_limit_reached billing_not_active billing_error",
    ),
    _group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Anthropic: SDK, error.details.error_code",
        "enforced_spend_limit_reached contract_spend_limit_reached credits_required",
    ),
    _group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Google: google.rpc.ErrorInfo; gemini-cli, googleQuotaErrors.ts",
        "billing_disabled quota_exhausted insufficient_g1_credits_balance",
    ),
    _group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Groq: console.groq.com/docs/spend-limits",
        "blocked_api_access",
    ),
    _group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "DeepSeek, Venice, SambaNova, LiteLLM, OpenRouter and gateways",
        "insufficient_balance insufficient_credits insufficient_funds insufficient_user_quota"
        " payment_required payment_method_required budget_exceeded exceeded_budget",
    ),
    _group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Moonshot: platform.moonshot.ai, error codes; 666ghj/BettaFish#524",
        "exceeded_current_quota_error",
    ),
    _group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Alibaba: help.aliyun.com/model-studio; Volcengine: AccountOverdueError",
        "arrearage accountoverdueerror allocationquota.freetieronly"
        " prepaidbilloverdue postpaidbilloverdue commoditynotpurchased",
    ),
    _group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Zhipu: docs.bigmodel.cn, error codes (1113 no balance, 1304 day, 1309 plan, 1310 week)",
        "1113 1304 1309 1310",
    ),
    _group(OutcomeKind.QUOTA_EXHAUSTED, "MiniMax: MiniMax-AI/MiniMax-M2#62", "base_resp.1008"),
    _group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Cloudflare Workers AI: developers.cloudflare.com/workers-ai, errors",
        "errors[].3036 errors[].4006",
    ),
    _group(OutcomeKind.QUOTA_EXHAUSTED, "SiliconFlow: docs.siliconflow.cn", "30001"),
    _group(OutcomeKind.QUOTA_EXHAUSTED, "Baidu: error codes", "error_code.17 error_code.19"),
    _group(
        OutcomeKind.OVERLOADED,
        "Mistral: docs.mistral.ai, with a 429",
        "3505 service_tier_capacity_exceeded",
    ),
    _group(
        OutcomeKind.OVERLOADED,
        "Groq's flex tier, with a 498; Gemini CLI; Cerebras; OpenRouter",
        "capacity_exceeded model_capacity_exhausted model_capacity_exceeded queue_exceeded"
        " provider_overloaded",
    ),
    _group(
        OutcomeKind.OVERLOADED,
        "Anthropic; Moonshot; OpenAI: openai/codex#43337",
        "overloaded_error engine_overloaded_error engine_overloaded server_is_overloaded"
        " server_overloaded",
    ),
    _group(
        OutcomeKind.OVERLOADED,
        "Zhipu 1305, SiliconFlow, Cloudflare 3040, Volcengine",
        "1305 50501 50505 errors[].3040 serveroverloaded modelloading",
    ),
    _group(
        OutcomeKind.NOT_FOUND,
        "OpenAI, Groq, new-api; Azure",
        "model_not_found model_decommissioned deploymentnotfound",
    ),
    _group(
        OutcomeKind.NOT_FOUND,
        "Together: HeyPuter/puter#3168",
        "model_not_available dedicated_endpoint_not_running",
    ),
    _group(
        OutcomeKind.NOT_FOUND,
        "Hugging Face: cline/cline#5098; Copilot: decolua/9router#3477",
        "model_not_supported model_not_available_for_integrator",
    ),
    _group(OutcomeKind.NOT_FOUND, "Mistral: mistralai/mistral-vibe#617", "invalid_model"),
    _group(
        OutcomeKind.NOT_FOUND,
        "Cloudflare Workers AI: errors (no such model, not ours)",
        "errors[].5007 errors[].5016 errors[].5018 errors[].3041 errors[].7000 errors[].7003",
    ),
    _group(
        OutcomeKind.NOT_FOUND,
        "LiteLLM: proxy/_types.py, ProxyErrorTypes",
        "key_model_access_denied team_model_access_denied user_model_access_denied"
        " project_model_access_denied org_model_access_denied",
    ),
    _group(
        OutcomeKind.NOT_FOUND,
        "Alibaba, Volcengine, Zhipu 1211 1220 1221 1311, SiliconFlow",
        "modelnotfound model.accessdenied modelnotopen invalidendpointormodel.notfound"
        " 1211 1220 1221 1311 20012 30003 30011",
    ),
    _group(
        OutcomeKind.REQUEST,
        "A parameter, or the text, is refused: OpenAI, Azure, Alibaba, OpenRouter",
        "unsupported_parameter unsupported_value integer_below_min_value integer_above_max_value"
        " context_length_exceeded string_above_max_length content_filter content_policy_violation"
        " responsibleaipolicyviolation datainspectionfailed data_inspection_failed"
        " invalidparameter sensitive_words_detected 1301",
    ),
)

# A limit that passes by itself, unless the body tells that it is one of a day or longer.
LIMITS: tuple[CodeGroup, ...] = (
    _group(
        OutcomeKind.RATE_LIMITED,
        "OpenAI, Groq, Anthropic, Mistral, Together, Alibaba, Bedrock",
        "rate_limit_exceeded rate_limit_error rate_limited rate_limit_reached_error"
        " too_many_requests too_many_requests_error dynamic_request_limited dynamic_token_limited"
        " throttling throttling.ratequota throttling.allocationquota throttlingexception"
        " limit_requests limit_burst_rate 1300",
    ),
    _group(
        OutcomeKind.RATE_LIMITED,
        "Zhipu 1302 1303, MiniMax, Baidu",
        "1302 1303 base_resp.1002 base_resp.1039 error_code.4 error_code.18",
    ),
)

# Codes so general that words beside them say more; they still count before the status.
GENERAL: tuple[CodeGroup, ...] = (
    _group(
        OutcomeKind.AUTH,
        "OpenAI, Anthropic, Google, AWS",
        "authentication_error authenticationerror unauthenticated unauthorized permission_error"
        " permission_denied access_denied accessdenied accessdeniedexception"
        " unrecognizedclientexception",
    ),
    _group(
        OutcomeKind.SERVER,
        "Gateways and vendors, with a 4xx: the failure is theirs",
        "server_error internal_error internal_server_error internalservererror internalerror"
        " upstream_error bad_response_status_code do_request_failed"
        " base_resp.1000 base_resp.1013 base_resp.1033",
    ),
    _group(
        OutcomeKind.OVERLOADED,
        "Google, OpenAI, Anthropic",
        "unavailable service_unavailable service_unavailable_error serviceunavailable",
    ),
    _group(
        OutcomeKind.TIMEOUT,
        "Google, Anthropic, MiniMax",
        "deadline_exceeded timeout_error base_resp.1001",
    ),
    _group(OutcomeKind.RATE_LIMITED, "Google", "resource_exhausted"),
    _group(OutcomeKind.NOT_FOUND, "Google, Anthropic", "not_found not_found_error"),
)


def _table(groups: Iterable[CodeGroup]) -> Mapping[str, OutcomeKind]:
    return {code: group.kind for group in groups for code in group.codes}


EXACT_CODES = _table(EXACT)
LIMIT_CODES = _table(LIMITS)
GENERAL_CODES = _table(GENERAL)
