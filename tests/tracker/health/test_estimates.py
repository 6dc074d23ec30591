"""What is left of documented limits by our own count."""

from typing import Any

from tracker.core.rate_limits import LimitReading
from tracker.health.estimates import estimate


def documented(name: str, limit: Any, window: Any) -> LimitReading:
    return LimitReading(name=name, limit=limit, window_seconds=window)


def test_our_own_requests_in_each_window_reduce_the_estimate() -> None:
    limits = (documented("requests_minute", 30, 60.0), documented("requests_day", 1000, 86400.0))
    spent = {60.0: 1, 86400.0: 288}
    assert [
        (one.name, one.limit, one.remaining, one.window_seconds, one.reset_at)
        for one in estimate(limits, spent.__getitem__)
    ] == [
        ("requests_minute", 30, 29, 60.0, None),
        ("requests_day", 1000, 712, 86400.0, None),
    ]


def test_never_less_than_nothing_is_left() -> None:
    (one,) = estimate((documented("requests", 20, 86400.0),), lambda window: 288)
    assert (one.remaining, one.used_percent) == (0.0, 100.0)


def test_limits_that_we_do_not_count_are_not_estimated() -> None:
    limits = (
        documented("tokens_minute", 8000, 60.0),
        documented("credits", 10, 86400.0),
        documented("requests", 20, None),
        documented("requests", None, 60.0),
    )
    assert estimate(limits, lambda window: 0) == ()
