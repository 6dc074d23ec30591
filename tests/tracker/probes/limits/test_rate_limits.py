"""Rate limits are read in each provider's own form."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tracker.core.rate_limits import LimitReading, LimitSource, expiry, worst_percent
from tracker.probes.limits.bodies import next_midnight
from tracker.probes.limits.durations import seconds_until
from tracker.probes.limits.readings import Limits, read_limits
from tracker.probes.limits.values import merge_readings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = 86400.0


def after(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


def read(headers: Any = None, body: Any = None, provider: str = "") -> Any:
    pairs = list(headers.items()) if isinstance(headers, dict) else headers or []
    return read_limits(pairs, body, now=NOW, provider=provider)


def readings(headers: Any = None, body: Any = None, provider: str = "") -> Any:
    return read(headers, body, provider).readings


def told(
    name: str, limit: Any = None, remaining: Any = None, window: Any = None, reset: Any = None
) -> LimitReading:
    return LimitReading(
        name=name,
        limit=limit,
        remaining=remaining,
        window_seconds=window,
        reset_at=None if reset is None else after(reset),
    )


GROQ = {
    "x-ratelimit-limit-requests": "1000",
    "x-ratelimit-remaining-requests": "550",
    "x-ratelimit-reset-requests": "2m59.56s",
    "x-ratelimit-limit-tokens": "8000",
    "x-ratelimit-remaining-tokens": "7987",
    "x-ratelimit-reset-tokens": "577.5ms",
}


def test_reads_groq_with_requests_a_day_and_tokens_a_minute() -> None:
    assert read(GROQ, provider="groq") == Limits(
        readings=(
            told("requests", 1000, 550, DAY, 179.56),
            told("tokens", 8000, 7987, 60, 0.5775),
        ),
        source=LimitSource.HEADERS,
    )


def test_claims_no_window_for_the_same_names_elsewhere() -> None:
    assert [one.window_seconds for one in readings(GROQ, provider="openai")] == [None, None]


def test_reads_anthropics_four_families() -> None:
    families = ("requests", "tokens", "input-tokens", "output-tokens")
    headers = {
        f"anthropic-ratelimit-{family}-{field}": value
        for family in families
        for field, value in [
            ("limit", "50"),
            ("remaining", "49"),
            ("reset", "2026-11-23T12:00:30Z"),
        ]
    }
    assert readings(headers) == tuple(
        told(name, 50, 49, None, 30)
        for name in ("input_tokens", "output_tokens", "requests", "tokens")
    )


def test_reads_the_shares_that_subscriptions_tell_for_hours_and_days() -> None:
    headers = {
        "anthropic-ratelimit-unified-5h-utilization": "0.25",
        "anthropic-ratelimit-unified-5h-reset": "2026-11-23T12:00:30Z",
        "anthropic-ratelimit-unified-7d-utilization": "1.08",
        "anthropic-ratelimit-unified-7d-status": "rejected",
        "anthropic-ratelimit-unified-1d-utilization": "much",
    }
    assert readings(headers) == (
        told("unified_5h", 100, 75, 5 * 3600, 30),
        told("unified_7d", 100, 0, 7 * DAY),
    )


def test_a_forwarded_limit_counts_only_if_the_gateway_states_none_of_its_own() -> None:
    forwarded = {
        "llm_provider-x-ratelimit-remaining-requests": "3",
        "llm_provider-x-ratelimit-remaining-tokens": "8",
    }
    assert [(one.name, one.remaining) for one in readings(forwarded)] == [
        ("requests", 3),
        ("tokens", 8),
    ]
    own = forwarded | {"x-ratelimit-remaining-requests": "9"}
    assert [(one.name, one.remaining) for one in readings(own)] == [("requests", 9), ("tokens", 8)]


def test_reads_mistrals_windows_from_the_names() -> None:
    headers = {
        "x-ratelimit-limit-req-minute": "60",
        "x-ratelimit-remaining-req-minute": "59",
        "x-ratelimit-limit-req-10-second": "5",
        "x-ratelimit-remaining-req-10-second": "4",
        "x-ratelimit-limit-tokens-minute": "500000",
        "x-ratelimit-remaining-tokens-minute": "499990",
        "x-ratelimit-limit-tokens-month": "1000000000",
        "x-ratelimit-remaining-tokens-month": "999000000",
        "x-ratelimit-tokens-query-cost": "10",
    }
    assert readings(headers) == (
        told("requests_10_second", 5, 4, 10),
        told("requests_minute", 60, 59, 60),
        told("tokens_minute", 500_000, 499_990, 60),
        told("tokens_month", 1e9, 999e6, 30 * DAY),
    )


def test_a_limit_of_zero_is_all_used() -> None:
    headers = {"x-ratelimit-limit-req-minute": "0", "x-ratelimit-remaining-req-minute": "0"}
    assert worst_percent(readings(headers)) == 100.0


def test_reads_cerebras_resets_as_seconds() -> None:
    headers = {
        "x-ratelimit-limit-requests-day": "14400",
        "x-ratelimit-remaining-requests-day": "14399",
        "x-ratelimit-reset-requests-day": "33011.382867",
        "x-ratelimit-limit-tokens-minute": "60000",
        "x-ratelimit-remaining-tokens-minute": "59000",
        "x-ratelimit-reset-tokens-minute": "11.38",
    }
    assert readings(headers) == (
        told("requests_day", 14_400, 14_399, DAY, 33011.382867),
        told("tokens_minute", 60_000, 59_000, 60, 11.38),
    )


def test_reads_sambanova_leaving_an_unnamed_window_open() -> None:
    headers = {
        "x-ratelimit-limit-requests": "30",
        "x-ratelimit-remaining-requests": "29",
        "x-ratelimit-reset-requests": "soon",
        "x-ratelimit-remaining-requests-day": "400",
    }
    assert readings(headers, provider="sambanova") == (
        told("requests", 30, 29),
        told("requests_day", None, 400, DAY),
    )


def test_reads_togethers_limits_as_per_second() -> None:
    headers = {
        "x-ratelimit-limit": "10",
        "x-ratelimit-remaining": "9",
        "x-ratelimit-reset": "1",
        "x-tokenlimit-limit": "3000",
        "x-tokenlimit-remaining": "2990",
        "x-ratelimit-limit-dynamic": "20",
        "x-tokenlimit-remaining-dynamic": "100",
    }
    assert readings(headers, provider="together") == (
        told("requests", 10, 9, 1, 1),
        told("requests_dynamic", 20, None, 1),
        told("tokens", 3000, 2990, 1),
        told("tokens_dynamic", None, 100, 1),
    )


def test_reads_fireworks_tokens_as_per_second() -> None:
    headers = {
        "x-ratelimit-limit-tokens-prompt": "60000",
        "x-ratelimit-limit-tokens-cache-adjusted-prompt": "15000",
        "x-ratelimit-limit-tokens-generated": "600",
    }
    assert readings(headers, provider="fireworks") == (
        told("tokens_cache_adjusted_prompt", 15_000, None, 1),
        told("tokens_generated", 600, None, 1),
        told("tokens_prompt", 60_000, None, 1),
    )


def test_reads_openrouters_epoch_milliseconds() -> None:
    reset = int(after(3600).timestamp() * 1000)
    headers = {
        "x-ratelimit-limit": "20",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(reset),
    }
    assert readings(headers) == (told("requests", 20, 0, None, 3600),)


def test_reads_the_headers_openrouter_puts_inside_an_error() -> None:
    reset = int(after(3600).timestamp() * 1000)
    headers = {
        "X-RateLimit-Limit": "50",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(reset),
        "X-Other": None,
    }
    assert read(body={"error": {"code": 429, "metadata": {"headers": headers}}}) == Limits(
        readings=(told("requests", 50, 0, None, 3600),), source=LimitSource.BODY
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param(
            {"ratelimit": '"api";r=0;t=55', "ratelimit-policy": '"fixed window";"api";q=500;w=300'},
            told("api", 500, 0, 300, 55),
            id="HuggingFace",
        ),
        pytest.param(
            {"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'},
            told("default", 100, 50, 60, 30),
            id="draft 9",
        ),
        pytest.param(
            {"ratelimit": "limit=100, remaining=5, reset=50"},
            told("requests", 100, 5, None, 50),
            id="draft 7",
        ),
        pytest.param(
            {
                "ratelimit": "limit=100, remaining=5, reset=50",
                "ratelimit-policy": "10;w=1, 100;w=60",
            },
            told("requests", 100, 5, 60, 50),
            id="draft 7 with the policy of that quota",
        ),
        pytest.param(
            {
                "ratelimit-limit": "100, 10;w=1, 100;w=60",
                "ratelimit-remaining": "5",
                "ratelimit-reset": "50",
            },
            told("requests", 100, 5, 60, 50),
            id="the triple with policies",
        ),
        pytest.param(
            {"ratelimit-policy": "10;w=1, 100;w=60", "ratelimit-remaining": "5"},
            told("requests", None, 5),
            id="which policy is not told",
        ),
        pytest.param(
            {"ratelimit": '"a, b;c";r=1'}, told("a_b_c", None, 1), id="separators in quotes"
        ),
        pytest.param({"ratelimit": '"open;r=3'}, told("open", None, 3), id="an unclosed quote"),
    ],
)
def test_reads_the_ietf_fields_leniently(headers: dict[str, Any], expected: Any) -> None:
    assert readings(headers) == (expected,)


def test_reads_several_ietf_policies_apart() -> None:
    headers = {
        "ratelimit": '"burst";r=9;t=1, "daily";r=400;t=3600',
        "ratelimit-policy": '"burst";q=10;w=1, "daily";q=1000;w=86400',
    }
    assert readings(headers) == (
        told("burst", 10, 9, 1, 1),
        told("daily", 1000, 400, DAY, 3600),
    )


def google(*details: Any) -> dict[str, Any]:
    return {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": list(details)}}


def violated(quota: Any, value: str = "20") -> dict[str, Any]:
    violation = {"quotaId": quota, "quotaValue": value, "quotaDimensions": {"model": "m"}}
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38.2s"}


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: [body]], ids=["plain", "stream"])
def test_reads_geminis_quota_a_minute_with_its_delay(wrap: Any) -> None:
    body = google(violated("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), RETRY)
    assert read(body=wrap(body)) == Limits(
        readings=(told("requests_minute", 20, 0, 60, 38.2),),
        source=LimitSource.BODY,
        retry_after=38.2,
    )


def test_geminis_daily_quota_resets_at_midnight_in_california_whatever_the_delay() -> None:
    body = google(violated("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), RETRY)
    until_midnight = 20 * 3600.0  # 12:00 UTC is 04:00 Pacific standard time
    assert read(body=body) == Limits(
        readings=(told("requests_day", 20, 0, DAY, until_midnight),),
        source=LimitSource.BODY,
        retry_after=until_midnight,
    )


def test_reads_geminis_tokens() -> None:
    body = google(violated("GenerateContentInputTokensPerModelPerMinute-FreeTier", "250000"), RETRY)
    assert readings(body=body) == (told("tokens_minute", 250_000, 0, 60, 38.2),)


def test_midnight_counts_the_hour_that_summer_time_takes() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    before = datetime(2026, 3, 8, 9, tzinfo=UTC)  # 01:00, an hour before the clocks go forward
    assert next_midnight(before, zone) == datetime(2026, 3, 9, 7, tzinfo=UTC)


def test_reads_groqs_tokens_a_day_from_its_sentence() -> None:
    message = (
        "Rate limit reached for model `m` in organization `org_1` service tier `on_demand` on "
        "tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in "
        "9m38.016s. Need more tokens? Upgrade today"
    )
    assert read(body={"error": {"message": message}}) == Limits(
        readings=(told("tokens_day", 100_000, 2950, DAY),),
        source=LimitSource.BODY,
        retry_after=578.016,
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2m59.56s", 179.56),
        ("577.5ms", 0.5775),
        ("12ms", 0.012),
        ("6m0s", 360.0),
        ("1h2m3s", 3723.0),
        ("38.2s", 38.2),
        ("1.5", 1.5),
        ("999999999", 999_999_999.0),
        ("1795435260", 60.0),
        ("1795435260000", 60.0),
        ("2026-11-23T12:01:00Z", 60.0),
        ("2026-11-23t12:01:00.5z", 60.5),
        ("2026-11-23T13:01:00.123456789+01:00", 60.123456),
        ("Mon, 23 Nov 2026 12:01:00 GMT", 60.0),
        ("Monday, 23-Nov-26 12:01:00 GMT", 60.0),
        ("Mon Nov 23 12:01:00 2026", 60.0),
        ("2026-11-23T11:59:00Z", -60.0),
    ],
)
def test_reads_every_form_of_time(text: str, seconds: float) -> None:
    assert seconds_until(text, now=NOW) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "-5", "nan", "inf", "1e3", "5 s", "s", "2026-02-31T00:00:00Z", "1 Jan 2026",
     "2026-11-23T12:01:00", "Mon, 99 Nov 2026 12:01:00 GMT", "٣", "9" * 65],
)  # fmt: skip
def test_takes_nothing_else_for_a_time(text: str) -> None:
    assert seconds_until(text, now=NOW) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("retry-after", "2")], 2.0),
        ([("retry-after", "2.5")], 2.5),
        ([("retry-after", "Mon, 23 Nov 2026 12:00:30 GMT")], 30.0),
        ([("retry-after", "Mon, 23 Nov 2026 11:00:00 GMT")], 0.0),
        ([("retry-after-ms", "1500"), ("retry-after", "2")], 1.5),
        ([("retry-after-ms", "x"), ("retry-after", "2")], 2.0),
        ([("retry-after", "2"), ("retry-after", "7")], 7.0),
        ([("retry-after", "172800")], DAY),
        ([("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], None),
        ([("retry-after", "-1")], None),
        ([("retry-after", "later")], None),
        ([], None),
    ],
)
def test_reads_how_long_to_wait(headers: list[Any], seconds: float) -> None:
    assert read(headers).retry_after == seconds


@pytest.mark.parametrize("field", ["limit", "remaining"])
@pytest.mark.parametrize(
    "value", ["-1", "NaN", "inf", "1e999", "9223372036854775807", "many", "", "1,000", "0x10", "٣"]
)
def test_drops_a_reading_that_is_no_number(field: str, value: str) -> None:
    headers = {f"x-ratelimit-{field}-requests": value, "x-ratelimit-remaining-tokens": "5"}
    assert readings(headers) == (told("tokens", None, 5),)


@pytest.mark.parametrize("reset", ["9999-12-31T23:59:59Z", "253402300799", "999999999"])
def test_drops_a_reading_whose_reset_is_an_impossible_date(reset: str) -> None:
    headers = {"x-ratelimit-remaining": "5", "x-ratelimit-reset": reset}
    assert readings(headers) == ()


@pytest.mark.parametrize(
    "reset", ["0", "2026-11-23T11:59:59Z", "0001-01-01T00:00:00Z", "1000000000"]
)
def test_a_reset_in_the_past_is_not_known(reset: str) -> None:
    headers = {"x-ratelimit-remaining": "5", "x-ratelimit-reset": reset}
    assert readings(headers) == (told("requests", None, 5),)


def test_more_remaining_than_the_limit_is_all_of_it() -> None:
    headers = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "12"}
    assert readings(headers) == (told("requests", 10, 10),)


@pytest.mark.parametrize("order", [1, -1])
def test_contradicting_duplicates_are_read_with_caution(order: int) -> None:
    headers = [
        ("x-ratelimit-limit", "100"),
        ("x-ratelimit-limit", "80"),
        ("x-ratelimit-remaining", "50"),
        ("x-ratelimit-remaining", "7, 30"),
        ("x-ratelimit-reset", "10"),
        ("x-ratelimit-reset", "20, 30"),
    ]
    assert readings(headers[::order]) == (told("requests", 80, 7, None, 30),)


def test_headers_and_body_about_the_same_limit_are_read_with_caution() -> None:
    body = google(violated("RequestsPerMinute", "20"), RETRY)
    headers = {"x-ratelimit-limit-requests-minute": "15", "retry-after": "5"}
    assert read(headers, body) == Limits(
        readings=(told("requests_minute", 15, 0, 60, 38.2),),
        source=LimitSource.HEADERS,
        retry_after=38.2,
    )


def test_of_two_sources_no_more_is_left_than_the_lower_limit() -> None:
    message = "Rate limit reached on requests per min (RPM): Limit 20, Used 2, Requested 1."
    headers = {"x-ratelimit-limit-requests-minute": "15"}
    assert readings(headers, {"error": {"message": message}}) == (
        told("requests_minute", 15, 15, 60),
    )


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_windows_the_longer_counts(order: int) -> None:
    readings = [told("requests", 10, 5, 60), told("requests", 10, 5, 3600), told("tokens")]
    assert merge_readings(readings[::order]) == (told("requests", 10, 5, 3600), told("tokens"))


def test_a_thousand_invented_limits_are_not_all_kept() -> None:
    headers = {f"x-ratelimit-remaining-kind{i}": "1" for i in range(1000)}
    assert len(readings(headers)) == 24


def test_a_header_too_long_to_be_one_is_left_out() -> None:
    assert readings({"x-ratelimit-limit": "1" + " " * 1024}) == ()


@pytest.mark.parametrize(
    "body",
    [
        None, [], {}, "text", 3, True, {"error": "text"}, {"error": {"details": 7}},
        {"error": {"details": [None, {"@type": 3}, {"@type": "google.rpc.QuotaFailure"}]}},
        {"error": {"details": [{"@type": "google.rpc.RetryInfo", "retryDelay": {"seconds": 3}}]}},
        {"error": {"message": ["x"], "metadata": {"headers": ["x"]}}},
    ],
)  # fmt: skip
def test_a_body_of_another_shape_has_no_limits(body: Any) -> None:
    assert read(body=body) == Limits()


def test_a_violation_without_its_details_is_still_a_spent_quota() -> None:
    body = google({"@type": "x/google.rpc.QuotaFailure", "violations": [{"quotaId": 3}, None]})
    assert readings(body=body) == (told("requests", None, 0),)


def test_the_worst_limit_counts() -> None:
    assert worst_percent([told("a", 100, 90), told("b", 100, 25), told("c", None, 1)]) == 75.0
    assert worst_percent([]) == 0.0


def test_readings_hold_until_their_reset_or_for_a_window() -> None:
    by_reset, by_window, forever = told("a", 9, 1, DAY, 60), told("b", 9, 1, 120), told("c", 9, 1)
    every = (by_reset, by_window, forever)
    assert [expiry(one, NOW) for one in every] == [after(60), after(120), None]
