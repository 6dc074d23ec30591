"""A reported limit blocks its key and model until its reset."""

from datetime import timedelta
from typing import Any

import pytest

from tests.helpers.calls import call
from tests.helpers.factories import AT_START, START
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.reports import limits as limits_module
from tracker.reports.call import Call
from tracker.reports.limits import CallLimits

LIMITED = OutcomeKind.RATE_LIMITED


def limited(kind: OutcomeKind = LIMITED, wait: float | None = 30.0, **more: Any) -> Call:
    return call(kind, limit=CheckResult(kind=kind, retry_after=wait), **more)


def barred(limits: CallLimits, keys: int = 1, *models: str, now: float = 0.0) -> float | None:
    found = limits.barred_until(now, keys=keys, models=models)
    return None if found is None else found[0]


def test_a_retry_after_blocks_until_it_is_over() -> None:
    limits = CallLimits()
    limits.add(limited(), AT_START)
    assert barred(limits, 1, "m") == 30.0
    assert barred(limits, 1, "m", now=30.0) is None


def test_another_model_or_key_is_still_free() -> None:
    limits = CallLimits()
    limits.add(limited(key=1), AT_START)
    assert barred(limits, 1, "m", "other") is None
    assert barred(limits, 2, "m") is None
    limits.add(limited(key=2, wait=10.0), AT_START)
    assert barred(limits, 2, "m") == 10.0


def test_a_limit_without_a_model_is_every_models() -> None:
    limits = CallLimits()
    limits.add(limited(model=""), AT_START)
    assert barred(limits, 1, "a", "b") == 30.0


def test_a_limit_without_a_reset_ends_after_a_minute_or_with_a_success() -> None:
    limits = CallLimits()
    limits.add(limited(wait=None), AT_START)
    assert barred(limits, 1, "m") == 60.0
    limits.add(call(), AT_START)
    assert barred(limits, 1, "m") is None


def test_a_limit_with_a_reset_survives_a_success() -> None:
    limits = CallLimits()
    limits.add(limited(), AT_START)
    limits.add(call(), AT_START)
    assert barred(limits, 1, "m") == 30.0


def test_the_call_that_uses_up_a_limit_blocks_although_it_succeeded() -> None:
    used_up = LimitReading(name="requests", remaining=0, reset_at=START + timedelta(seconds=45))
    told = CheckResult(kind=OutcomeKind.OK, limits=(used_up,), limits_source=LimitSource.HEADERS)
    limits = CallLimits()
    limits.add(call(limit=told), AT_START)
    assert barred(limits, 1, "m") == 45.0


def test_a_spent_quota_without_a_reset_blocks_for_an_hour() -> None:
    limits = CallLimits()
    limits.add(limited(OutcomeKind.QUOTA_EXHAUSTED, wait=None), AT_START)
    assert barred(limits, 1, "m") == 3600.0


def test_a_failure_that_is_no_limit_blocks_nothing() -> None:
    limits = CallLimits()
    limits.add(call(OutcomeKind.SERVER, limit=CheckResult(kind=OutcomeKind.SERVER)), AT_START)
    assert barred(limits, 1, "m") is None


def test_of_too_many_limits_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "MOST_LIMITS", 2)
    limits = CallLimits()
    for model in ("a", "b", "a", "c"):  # reported again, "a" is newer than "b"
        limits.add(limited(model=model), AT_START)
    assert [barred(limits, 1, model) for model in "abc"] == [30.0, None, 30.0]
