"""What was told of rate limits, and how long it holds."""

from datetime import timedelta

import pytest
from makers import START, finding

from tracker.limit_book import LimitBook
from tracker.reports import Kind, LimitReading, LimitSource

UNENDING = LimitReading(name="requests", limit=60.0, remaining=0.0)
DAILY = LimitReading(name="tokens", limit=9.0, remaining=1.0, window_seconds=86_400.0)


def told(*limits: LimitReading) -> LimitBook:
    limited = finding(Kind.RATE_LIMITED, limits=limits, limits_source=LimitSource.HEADERS)
    return LimitBook().after(limited, START, 300.0)


@pytest.mark.parametrize("kind", [Kind.RATE_LIMITED, Kind.SERVER, Kind.TIMEOUT])
def test_a_limit_without_an_end_holds_while_checks_do_not_succeed(kind: Kind) -> None:
    book = told(UNENDING).after(finding(kind), START, 300.0)
    assert book.view(START + timedelta(days=30)).percent == 100.0


def test_a_limit_without_an_end_is_over_with_a_success_that_does_not_mention_it() -> None:
    book = told(UNENDING, DAILY).after(finding(Kind.OK), START, 300.0)
    assert book.view(START).limits == (DAILY,)
