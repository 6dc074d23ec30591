"""Codes that name the reason of a refusal, with the source of each."""

from tracker.core.outcomes import OutcomeKind
from tracker.probes.refusals.code_groups import CodeGroup, group

# Codes that name the reason. They count before words and status.
EXACT: tuple[CodeGroup, ...] = (
    group(
        OutcomeKind.AUTH,
        "OpenAI; Groq, DeepSeek and most gateways send the same",
        "invalid_api_key incorrect_api_key invalid_authentication account_deactivated"
        " access_terminated organization_disabled expired_api_key",
    ),
    group(
        OutcomeKind.AUTH,
        "OpenAI: platform.openai.com/docs/guides/error-codes",
        "unsupported_country_region_territory",
    ),
    group(OutcomeKind.AUTH, "Groq: songquanpeng/one-api#1764", "organization_restricted"),
    group(
        OutcomeKind.AUTH,
        "Anthropic: SDK, error.details.error_code",
        "organization_on_hold organization_disabled",
    ),
    group(
        OutcomeKind.AUTH,
        "Google: ai.google.dev/gemini-api/docs/troubleshooting; gemini-cli, googleQuotaErrors.ts",
        "api_key_invalid api_key_expired api_key_service_blocked access_token_expired"
        " access_token_type_unsupported access_token_scope_insufficient service_disabled"
        " consumer_suspended account_state_invalid validation_required",
    ),
    group(
        OutcomeKind.AUTH,
        "LiteLLM: proxy/_types.py, ProxyErrorTypes",
        "token_not_found_in_db expired_key auth_error",
    ),
    group(
        OutcomeKind.AUTH,
        "Alibaba: help.aliyun.com/model-studio, error codes",
        "invalidapikey invalid_apikey",
    ),
    group(
        OutcomeKind.AUTH,
        "Zhipu: docs.bigmodel.cn, error codes; MiniMax: platform.minimaxi.com",
        "1110 1111 1112 base_resp.1004 base_resp.2049",
    ),
    group(
        OutcomeKind.AUTH,
        "Cloudflare: developers.cloudflare.com/fundamentals/api",
        "errors[].10000 errors[].1000 errors[].9109 errors[].6003",
    ),
    group(
        OutcomeKind.AUTH,
        "Baidu: cloud.baidu.com/doc/WENXINWORKSHOP, error codes",
        "error_code.110 error_code.111 error_code.14 error_code.6",
    ),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "OpenAI: platform.openai.com/docs/guides/error-codes, BerriAI/litellm#2743",
        "insufficient_quota billing_hard_limit_reached billing_not_active billing_error",
    ),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Anthropic: SDK, error.details.error_code",
        "enforced_spend_limit_reached contract_spend_limit_reached credits_required",
    ),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Google: google.rpc.ErrorInfo; gemini-cli, googleQuotaErrors.ts",
        "billing_disabled quota_exhausted insufficient_g1_credits_balance",
    ),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Groq: console.groq.com/docs/spend-limits",
        "blocked_api_access",
    ),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "DeepSeek, Venice, SambaNova, LiteLLM, OpenRouter and gateways",
        "insufficient_balance insufficient_credits insufficient_funds insufficient_user_quota"
        " payment_required payment_method_required budget_exceeded exceeded_budget",
    ),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "OpenCode, OpenAI: diegosouzapw/OmniRoute, open-sse/config/providerErrorRules.ts",
        "organization_quota_exceeded account_quota_exceeded plan_limit_reached"
        " organization_usage_limit_exceeded project_usage_limit_exceeded",
    ),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Moonshot: platform.moonshot.ai, error codes; 666ghj/BettaFish#524",
        "exceeded_current_quota_error",
    ),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Alibaba: help.aliyun.com/model-studio; Volcengine: AccountOverdueError",
        "arrearage accountoverdueerror allocationquota.freetieronly"
        " prepaidbilloverdue postpaidbilloverdue commoditynotpurchased",
    ),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Zhipu: docs.bigmodel.cn, error codes (1113 no balance, 1304 day, 1309 plan, 1310 week)",
        "1113 1304 1309 1310",
    ),
    group(OutcomeKind.QUOTA_EXHAUSTED, "MiniMax: MiniMax-AI/MiniMax-M2#62", "base_resp.1008"),
    group(
        OutcomeKind.QUOTA_EXHAUSTED,
        "Cloudflare Workers AI: developers.cloudflare.com/workers-ai, errors",
        "errors[].3036 errors[].4006",
    ),
    group(OutcomeKind.QUOTA_EXHAUSTED, "SiliconFlow: docs.siliconflow.cn", "30001"),
    group(OutcomeKind.QUOTA_EXHAUSTED, "Baidu: error codes", "error_code.17 error_code.19"),
    group(
        OutcomeKind.OVERLOADED,
        "Mistral: docs.mistral.ai, with a 429",
        "3505 service_tier_capacity_exceeded",
    ),
    group(
        OutcomeKind.OVERLOADED,
        "Groq's flex tier, with a 498; Gemini CLI; Cerebras; OpenRouter",
        "capacity_exceeded model_capacity_exhausted model_capacity_exceeded queue_exceeded"
        " provider_overloaded",
    ),
    group(
        OutcomeKind.OVERLOADED,
        "Anthropic; Moonshot; OpenAI: openai/codex#43337",
        "overloaded_error engine_overloaded_error engine_overloaded server_is_overloaded"
        " server_overloaded",
    ),
    group(
        OutcomeKind.OVERLOADED,
        "Zhipu 1305, SiliconFlow, Cloudflare 3040, Volcengine",
        "1305 50501 50505 errors[].3040 serveroverloaded modelloading",
    ),
    group(
        OutcomeKind.NOT_FOUND,
        "OpenAI, Groq, new-api; Azure",
        "model_not_found model_decommissioned deploymentnotfound"
        " operationnotsupported model_terms_required model_permission_blocked_org"
        " model_permission_blocked_project",
    ),
    group(
        OutcomeKind.NOT_FOUND,
        "Together: HeyPuter/puter#3168",
        "model_not_available dedicated_endpoint_not_running",
    ),
    group(
        OutcomeKind.NOT_FOUND,
        "Hugging Face: cline/cline#5098; Copilot: decolua/9router#3477",
        "model_not_supported model_not_available_for_integrator",
    ),
    group(OutcomeKind.NOT_FOUND, "Mistral: mistralai/mistral-vibe#617", "invalid_model"),
    group(
        OutcomeKind.NOT_FOUND,
        "Cloudflare Workers AI: errors (no such model, not ours)",
        "errors[].5007 errors[].5016 errors[].5018 errors[].3041 errors[].7000 errors[].7003",
    ),
    group(
        OutcomeKind.NOT_FOUND,
        "LiteLLM: proxy/_types.py, ProxyErrorTypes",
        "key_model_access_denied team_model_access_denied user_model_access_denied"
        " project_model_access_denied org_model_access_denied",
    ),
    group(
        OutcomeKind.NOT_FOUND,
        "Alibaba, Volcengine, Zhipu 1211 1220 1221 1311, SiliconFlow",
        "modelnotfound model.accessdenied modelnotopen invalidendpointormodel.notfound"
        " 1211 1220 1221 1311 20012 30003 30011",
    ),
    group(
        OutcomeKind.BLOCKED,
        "Cloudflare's firewall, as JSON: developers.cloudflare.com/support, 1xxx errors",
        "error_code.1010 error_code.1020 error_code.1006 error_code.1007 error_code.1008"
        " error_code.1012 browser_signature_banned",
    ),
    group(
        OutcomeKind.REQUEST,
        "A parameter, or the text, is refused: OpenAI, Azure, Alibaba, OpenRouter",
        "unsupported_parameter unsupported_value integer_below_min_value integer_above_max_value"
        " context_length_exceeded string_above_max_length content_filter content_policy_violation"
        " responsibleaipolicyviolation datainspectionfailed data_inspection_failed"
        " invalidparameter sensitive_words_detected 1301",
    ),
)
