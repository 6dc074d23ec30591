"""Known rate limits, and how long they apply."""

from datetime import timedelta

import pytest

from tests.helpers.factories import START, finding
from tracker.core.outcomes import OutcomeKind
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.health.rate_limit_state import RateLimitState

UNENDING = LimitReading(name="requests", limit=60.0, remaining=0.0)
DAILY = LimitReading(name="tokens", limit=9.0, remaining=1.0, window_seconds=86_400.0)


def told(*limits: LimitReading) -> RateLimitState:
    limited = finding(OutcomeKind.RATE_LIMITED, limits=limits, limits_source=LimitSource.HEADERS)
    return RateLimitState().after(limited, START, 300.0)


@pytest.mark.parametrize(
    "kind", [OutcomeKind.RATE_LIMITED, OutcomeKind.SERVER, OutcomeKind.TIMEOUT]
)
def test_a_limit_without_a_reset_lasts_until_a_check_succeeds(kind: OutcomeKind) -> None:
    book = told(UNENDING).after(finding(kind), START, 300.0)
    assert book.view(START + timedelta(days=30)).percent == 100.0


def test_a_limit_without_a_reset_ends_with_a_success_that_does_not_mention_it() -> None:
    book = told(UNENDING, DAILY).after(finding(OutcomeKind.OK), START, 300.0)
    assert book.view(START).limits == (DAILY,)
