"""The meaning of vendors' codes: those that name the reason, those of limits, general ones."""

from collections.abc import Iterable, Mapping

from tracker.core.outcomes import OutcomeKind
from tracker.probes.refusals.code_groups import CodeGroup, group
from tracker.probes.refusals.exact_codes import EXACT

# A limit that passes by itself, unless the body says that its window is a day or longer.
LIMITS: tuple[CodeGroup, ...] = (
    group(
        OutcomeKind.RATE_LIMITED,
        "OpenAI, Groq, Anthropic, Mistral, Together, Alibaba, Bedrock",
        "rate_limit_exceeded rate_limit_error rate_limited rate_limit_reached_error"
        " too_many_requests too_many_requests_error dynamic_request_limited dynamic_token_limited"
        " throttling throttling.ratequota throttling.allocationquota throttlingexception"
        " limit_requests limit_burst_rate 1300",
    ),
    group(
        OutcomeKind.RATE_LIMITED,
        "Zhipu 1302 1303, MiniMax, Baidu",
        "1302 1303 base_resp.1002 base_resp.1039 error_code.4 error_code.18",
    ),
)

# Codes so general that the words in the text say more; they still count before the status.
GENERAL: tuple[CodeGroup, ...] = (
    group(
        OutcomeKind.AUTH,
        "OpenAI, Anthropic, Google, AWS",
        "authentication_error authenticationerror unauthenticated unauthorized permission_error"
        " permission_denied access_denied accessdenied accessdeniedexception"
        " unrecognizedclientexception",
    ),
    group(
        OutcomeKind.SERVER,
        "Gateways and vendors, with a 4xx: the failure is theirs",
        "server_error internal_error internal_server_error internalservererror internalerror"
        " upstream_error bad_response_status_code do_request_failed"
        " base_resp.1000 base_resp.1013 base_resp.1033",
    ),
    group(
        OutcomeKind.OVERLOADED,
        "Google, OpenAI, Anthropic",
        "unavailable service_unavailable service_unavailable_error serviceunavailable",
    ),
    group(
        OutcomeKind.TIMEOUT,
        "Google, Anthropic, MiniMax",
        "deadline_exceeded timeout_error base_resp.1001",
    ),
    group(OutcomeKind.RATE_LIMITED, "Google", "resource_exhausted"),
    group(OutcomeKind.NOT_FOUND, "Google, Anthropic", "not_found not_found_error"),
)


def _table(groups: Iterable[CodeGroup]) -> Mapping[str, OutcomeKind]:
    return {code: group.kind for group in groups for code in group.codes}


EXACT_CODES = _table(EXACT)
LIMIT_CODES = _table(LIMITS)
GENERAL_CODES = _table(GENERAL)
