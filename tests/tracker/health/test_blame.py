"""What a check of one model says about its provider."""

import pytest

from tests.helpers.factories import finding
from tracker.core.outcomes import OutcomeKind
from tracker.health.blame import concerns_provider, may_blame_provider, note_failure

THE_WAY = {OutcomeKind.DNS, OutcomeKind.CONNECT, OutcomeKind.TLS, OutcomeKind.AUTH}


@pytest.mark.parametrize("kind", OutcomeKind)
def test_connection_and_key_failures_concern_the_provider_only(kind: OutcomeKind) -> None:
    assert concerns_provider(finding(kind)) == (kind in THE_WAY)


@pytest.mark.parametrize("kind", OutcomeKind)
def test_a_limit_or_a_missing_model_says_nothing_about_other_models(kind: OutcomeKind) -> None:
    own = {OutcomeKind.NOT_FOUND, OutcomeKind.OVERLOADED}
    assert may_blame_provider(finding(kind)) == (kind.is_failure and kind not in own)


@pytest.mark.parametrize(
    ("kind", "failed_at"),
    [
        (OutcomeKind.SERVER, 9.0),
        (OutcomeKind.OK, None),
        (OutcomeKind.RATE_LIMITED, 5.0),
        (OutcomeKind.NOT_FOUND, 5.0),
        (OutcomeKind.INTERNAL, 5.0),
    ],
)
def test_a_failure_is_remembered_until_a_success(
    kind: OutcomeKind, failed_at: float | None
) -> None:
    assert note_failure(5.0, finding(kind), 9.0) == failed_at
