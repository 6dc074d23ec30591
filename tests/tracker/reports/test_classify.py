"""Reported calls are classed as checks are."""

from typing import Any

import pytest

from tests.helpers.calls import batch, report, take
from tests.helpers.factories import provider
from tracker.core.outcomes import OutcomeKind
from tracker.reports.call import CallOutcome, NeutralOutcome

GROQ = provider("groq", timeout_seconds=10.0)


def classed(**fields: Any) -> CallOutcome:
    (call,) = take(batch(report(**fields)), GROQ).calls
    return call.outcome


@pytest.mark.parametrize("kind", [k for k in OutcomeKind if k not in {"request", "internal"}])
def test_outcome_words_are_those_of_checks(kind: OutcomeKind) -> None:
    assert classed(outcome=kind.value) is kind


@pytest.mark.parametrize("word", NeutralOutcome)
def test_neutral_outcomes_do_not_count_for_health(word: NeutralOutcome) -> None:
    assert classed(outcome=word.value) is word


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (200, None, OutcomeKind.OK),
        (500, None, OutcomeKind.SERVER),
        (503, {"message": "x"}, OutcomeKind.OVERLOADED),
        (429, None, OutcomeKind.RATE_LIMITED),
        (429, {"code": "insufficient_quota"}, OutcomeKind.QUOTA_EXHAUSTED),
        (400, {"code": "invalid_api_key"}, OutcomeKind.AUTH),
        (404, None, OutcomeKind.NOT_FOUND),
        (400, {"message": "max_tokens must be positive"}, NeutralOutcome.REQUEST),
        (400, {"code": "context_length_exceeded"}, NeutralOutcome.REQUEST),
        (413, None, NeutralOutcome.REQUEST),
        (400, {"code": "content_filter"}, NeutralOutcome.CONTENT_FILTER),
        (499, None, NeutralOutcome.CANCELLED),
        (200, {"message": "upstream failed"}, OutcomeKind.OVERLOADED),
    ],
)
def test_answers_are_classed_by_the_rules_of_checks(
    status: int, error: dict[str, Any] | None, kind: CallOutcome
) -> None:
    assert classed(http_status=status, error=error) is kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ConnectError", OutcomeKind.CONNECT),
        ("ReadTimeout", OutcomeKind.TIMEOUT),
        ("gaierror", OutcomeKind.DNS),
        ("SSLCertVerificationError", OutcomeKind.TLS),
        ("CancelledError", NeutralOutcome.CANCELLED),
        ("ContextWindowExceededError", NeutralOutcome.REQUEST),
        ("ContentPolicyViolationError", NeutralOutcome.CONTENT_FILTER),
    ],
)
def test_a_client_librarys_own_error_is_known_by_its_name(name: str, kind: CallOutcome) -> None:
    assert classed(error={"type": name}) is kind


@pytest.mark.parametrize("fields", [{"outcome": "timeout"}, {"http_status": 408}])
def test_a_callers_time_out_below_ours_is_neutral(fields: dict[str, Any]) -> None:
    assert classed(**fields, latency_ms=9_999) is NeutralOutcome.CALLER_TIMEOUT
    assert classed(**fields, latency_ms=10_000) is OutcomeKind.TIMEOUT


def test_a_gateways_time_out_counts_for_the_provider_however_early() -> None:
    assert classed(http_status=504, latency_ms=100) is OutcomeKind.TIMEOUT


def test_ids_in_a_text_change_nothing() -> None:
    message = "quota exceeded, request req_0123456789abcdef"
    assert classed(http_status=403, error={"message": message}) is OutcomeKind.QUOTA_EXHAUSTED
