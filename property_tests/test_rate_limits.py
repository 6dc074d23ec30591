"""Properties of the limit reader: it accepts any input, and units are right for any time."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.helpers.fair_time import fair_ms
from tracker.core.rate_limits import worst_percent
from tracker.health.rate_limit_state import TimedReading
from tracker.probes.limits.durations import seconds_until
from tracker.probes.limits.readings import LONGEST_WAIT, READINGS, read_limits

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOON = st.integers(1, 300 * 86400)  # seconds

fields = st.sampled_from(["limit", "remaining", "reset"])
units = st.sampled_from(
    ["", "-requests", "-tokens", "-req-minute", "-req-10-second", "-tokens-month", "-dynamic", "-"]
)
names = st.one_of(
    st.builds("x-ratelimit-{}{}".format, fields, units),
    st.builds("ratelimit-{}".format, fields),
    st.builds("x-tokenlimit-{}{}".format, fields, units),
    st.builds("anthropic-ratelimit-tokens-{}".format, fields),
    st.sampled_from(["ratelimit", "ratelimit-policy", "retry-after", "retry-after-ms"]),
    st.text(max_size=30),
)
numbers = st.one_of(st.integers(), st.floats()).map(str)
pieces = st.sampled_from(
    ['"', ";", ",", "=", "r=", "w=60", "q=9", "t=", "2m", "59.5s", "ms", "-", "1", "0", ".", "e9",
     "T", "Z", ":", "Mon, ", "23 Nov 2026 ", "GMT", "2026-11-23T12:00:30Z", " ", "µs", "\x00"]
)  # fmt: skip
values = st.one_of(st.text(), numbers, st.lists(pieces, max_size=40).map("".join))
headers = st.lists(st.tuples(names, values), max_size=12)
providers = st.sampled_from(["", "groq", "together", "fireworks", "nobody"])

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), values)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
types = st.sampled_from(
    ["type.googleapis.com/google.rpc.QuotaFailure", "type.googleapis.com/google.rpc.RetryInfo"]
)
violations = st.fixed_dictionaries(
    {}, optional={"quotaId": st.sampled_from(["PerDay", "TokensPerMinute"]) | anything,
                  "quotaValue": anything}
)  # fmt: skip
details = st.fixed_dictionaries(
    {},
    optional={
        "@type": types | anything,
        "violations": st.lists(violations | anything, max_size=4) | anything,
        "retryDelay": anything,
    },
)
errors = st.fixed_dictionaries(
    {},
    optional={
        "details": st.lists(details | anything, max_size=4) | anything,
        "metadata": anything | st.fixed_dictionaries({"headers": st.dictionaries(names, values)}),
        "message": anything,
    },
)
bodies = st.one_of(anything, st.fixed_dictionaries({"error": errors}))


@given(headers, bodies, providers)
@example([("x-ratelimit-limit", "1" * 5000)], 10**5000, "")
def test_any_answer_gives_credible_readings_or_none(headers: Any, body: Any, provider: Any) -> None:
    limits = read_limits(headers, body, now=NOW, provider=provider)
    assert len({one.name for one in limits.readings}) == len(limits.readings) <= READINGS
    assert limits.retry_after is None or 0.0 <= limits.retry_after <= LONGEST_WAIT
    for one in limits.readings:
        assert one.reset_at is None or NOW < one.reset_at <= NOW + timedelta(days=400)
        assert one.limit is None or one.remaining is None or one.remaining <= one.limit
        assert one.window_seconds is None or one.window_seconds > 0.0
    assert 0.0 <= worst_percent(limits.readings) <= 100.0


@given(st.lists(st.tuples(names, values), max_size=8).flatmap(
    lambda told: st.tuples(st.just(told), st.permutations(told))), providers)  # fmt: skip
def test_the_order_of_headers_does_not_matter(two_orders: Any, provider: Any) -> None:
    one, other = (read_limits(told, None, now=NOW, provider=provider) for told in two_orders)
    assert one == other


@pytest.mark.parametrize(
    "value",
    ["1m" * 100_000, '"' * 100_001, "1" * 100_000, ";=," * 50_000, "1," * 500, '"a";' * 250,
     "1m" * 31 + "x", "Limit 1, " * 20_000, "0" * 63 + "x", "," * 1024, "try again in " * 80],
)  # fmt: skip
def test_no_value_takes_long(value: str) -> None:
    names = ["x-ratelimit-limit", "x-ratelimit-reset", "ratelimit", "ratelimit-policy"]
    told = [(name, value) for name in [*names, "retry-after", f"x-ratelimit-limit-{value}"]]
    began = time.process_time()
    read_limits(told, {"error": {"message": f" on tokens per {value}"}}, now=NOW)
    assert fair_ms(time.process_time() - began) < 100.0  # about 3 ms; a bad pattern takes minutes


def go(duration: timedelta) -> str:
    """Return the text that Go's time.Duration prints."""
    micros = duration // timedelta(microseconds=1)
    if micros < 1000:
        return f"{micros}µs"
    if micros < 1_000_000:
        return f"{micros / 1000:g}ms"
    minutes, rest = divmod(micros, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 1e6:.6f}".rstrip("0").rstrip(".") + "s"
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + seconds


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=300)))
@example(timedelta(minutes=2, seconds=59.56))
@example(timedelta(milliseconds=12))
@example(timedelta(minutes=6))
def test_a_duration_is_read_as_go_prints_it(duration: Any) -> None:
    read = seconds_until(go(duration), now=NOW)
    assert read == pytest.approx(duration.total_seconds(), rel=1e-5, abs=1e-9)


ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FORMS: dict[str, Callable[[datetime], str]] = {
    "seconds": lambda moment: str(int((moment - NOW).total_seconds())),
    "epoch seconds": lambda moment: str(int(moment.timestamp())),
    "epoch milliseconds": lambda moment: str(int(moment.timestamp() * 1000)),
    "RFC 3339": lambda moment: moment.isoformat().replace("+00:00", "Z"),
    "HTTP date": lambda moment: format_datetime(moment.astimezone(UTC), usegmt=True),
    "RFC 850 date": lambda moment: moment.astimezone(UTC).strftime("%A, %d-%b-%y %H:%M:%S GMT"),
    "asctime": lambda moment: moment.astimezone(UTC).strftime("%a %b %e %H:%M:%S %Y"),
    "protobuf": lambda moment: f"{(moment - NOW).total_seconds():g}s",
}


@pytest.mark.parametrize("form", FORMS)
@given(seconds=st.integers(1, 900_000), zone=ZONES)
def test_a_moment_is_the_same_in_every_form(form: Any, seconds: int, zone: tzinfo) -> None:
    moment = (NOW + timedelta(seconds=seconds)).astimezone(zone)
    told = [("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", FORMS[form](moment))]
    (one,) = read_limits(told, None, now=NOW).readings
    assert one.reset_at == moment


@given(
    limit=st.integers(1, 10**12),
    share=st.floats(0.0, 1.0),
    seconds=SOON,
    style=st.sampled_from(["openai", "anthropic", "triple", "ietf", "draft7"]),
)
def test_a_stated_limit_is_read_in_every_style(
    limit: int, share: float, seconds: float, style: Any
) -> None:
    remaining = math.floor(limit * share)
    tell: dict[str, Callable[[], dict[str, Any]]] = {
        "openai": lambda: {
            "x-ratelimit-limit-requests": limit,
            "x-ratelimit-remaining-requests": remaining,
            "x-ratelimit-reset-requests": f"{seconds}s",
        },
        "anthropic": lambda: {
            "anthropic-ratelimit-requests-limit": limit,
            "anthropic-ratelimit-requests-remaining": remaining,
            "anthropic-ratelimit-requests-reset": (NOW + timedelta(seconds=seconds)).isoformat(),
        },
        "triple": lambda: {
            "ratelimit-limit": limit,
            "ratelimit-remaining": remaining,
            "ratelimit-reset": seconds,
        },
        "ietf": lambda: {
            "ratelimit": f'"requests";r={remaining};t={seconds}',
            "ratelimit-policy": f'"requests";q={limit};w=86400',
        },
        "draft7": lambda: {
            "ratelimit": f"limit={limit}, remaining={remaining}, reset={seconds}",
        },
    }
    told = [(name, str(value)) for name, value in tell[style]().items()]
    (one,) = read_limits(told, None, now=NOW).readings
    assert (one.name, one.limit, one.remaining) == ("requests", limit, remaining)
    assert one.reset_at == NOW + timedelta(seconds=seconds)
    assert worst_percent([one]) == pytest.approx(100 * (1 - remaining / limit))


@given(headers, st.floats(0, 1e9), st.floats(0, 1e9))
def test_what_has_expired_stays_so(headers: Any, sooner: float, later: float) -> None:
    told = read_limits(headers, None, now=NOW, provider="groq").readings
    sooner, later = sorted((sooner, later))
    first, second = (
        {
            one
            for one in told
            if TimedReading(reading=one, read_at=NOW).holds(NOW + timedelta(seconds=s))
        }
        for s in (sooner, later)
    )
    assert second <= first <= set(told)
