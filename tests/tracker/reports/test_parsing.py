"""Batches become calls; whatever is not one is refused by name, with the reason."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.calls import batch, report, take
from tests.helpers.factories import START, provider
from tracker.core.redaction import Mask, Secret
from tracker.reports.call import NeutralOutcome
from tracker.reports.intake import ALREADY_TAKEN, ReportIntake
from tracker.reports.parsing import InvalidBatchError, TooLargeError

GROQ = provider("groq")


def refusal(**fields: Any) -> str:
    read = take(batch(report(**fields)), GROQ)
    assert not read.calls
    (refused,) = read.refused
    assert refused.id == "r1"
    return refused.reason


def test_a_report_becomes_a_call() -> None:
    read = take(batch(report(http_status=200, latency_ms=120, ttft_ms=30, output_tokens=9)), GROQ)
    (call,) = read.calls
    assert (call.provider, call.reporter, call.model) == ("groq", "proxy-1", "m")
    assert (call.at, call.latency_ms, call.output_tokens) == (START.timestamp(), 120.0, 9)
    assert call.is_success
    assert not read.refused


@pytest.mark.parametrize("field", ["prompt", "messages", "answer", "api_key"])
def test_fields_outside_the_contract_are_refused_by_name(field: str) -> None:
    assert field in refusal(**{field: "secret words"})
    assert "secret words" not in refusal(**{field: "secret words"})


def test_one_bad_report_does_not_cost_the_others() -> None:
    read = take(batch(report("a"), report("b", prompt="x"), report("c")), GROQ)
    assert len(read.calls) == 2
    assert [refused.id for refused in read.refused] == ["b"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"provider": "nobody"}, "unknown provider"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"model": "m" * 10_000}, "model"),
        ({"outcome": "fine"}, "use one of"),
        ({"outcome": None}, "say how the call ended"),
        ({"at": START - timedelta(seconds=601)}, "too old"),
        ({"at": START + timedelta(seconds=61)}, "in the future"),
        ({"key": "sk-live"}, "key"),
        ({"http_status": 42}, "http_status"),
    ],
)
def test_impossible_values_are_refused_with_the_reason(fields: dict[str, Any], word: str) -> None:
    assert word in refusal(**fields)


def test_a_key_that_the_provider_does_not_have_is_refused() -> None:
    keyed = provider("groq")
    keyed = type(keyed)(name="groq", base_url=keyed.base_url, keys=(Secret("sk-long-key"),))
    assert "key 2" in take(batch(report(key=2)), keyed).refused[0].reason
    assert take(batch(report(key=1)), keyed).calls


def test_a_clock_slightly_ahead_never_puts_a_call_into_the_future() -> None:
    read = take(batch(report(at=START + timedelta(seconds=30))), GROQ)
    assert read.calls[0].at == START.timestamp()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"reporter": "p", "reports": [{"id": 1}', b"\xff", b'{"reports": []}'],
)
def test_an_invalid_batch_is_refused_with_what_to_send(body: bytes) -> None:
    with pytest.raises(InvalidBatchError, match="reporter, reports"):
        take(body, GROQ)


def test_a_value_that_json_does_not_have_is_no_batch() -> None:
    body = batch(report(latency_ms=1.5)).replace(b"1.5", b"NaN")
    with pytest.raises(InvalidBatchError, match="NaN and Infinity are not valid JSON"):
        take(body, GROQ)


def test_a_number_out_of_range_costs_its_own_report_alone() -> None:
    body = batch(report("huge", latency_ms=1), report("good"))
    read = take(body.replace(b'"latency_ms":1', b'"latency_ms":1e999'), GROQ)
    assert [refused.id for refused in read.refused] == ["huge"]
    assert len(read.calls) == 1


def test_batches_are_bounded() -> None:
    with pytest.raises(TooLargeError, match="1001 reports"):
        take(batch(*(report(str(n)) for n in range(1001))), GROQ)
    with pytest.raises(TooLargeError, match="bytes"):
        take(b" " * 1_000_001, GROQ)


def test_an_id_is_taken_once_within_and_across_batches() -> None:
    intake = ReportIntake()
    first = take(batch(report("a"), report("a")), GROQ, intake=intake)
    again = take(batch(report("a")), GROQ, intake=intake)
    assert len(first.calls) == 1
    assert [one.reason for one in (*first.refused, *again.refused)] == [ALREADY_TAKEN] * 2


def test_two_reporters_may_use_the_same_id() -> None:
    intake = ReportIntake()
    take(batch(report("a")), GROQ, intake=intake)
    assert take(batch(report("a"), reporter="proxy-2"), GROQ, intake=intake).calls


def test_a_key_in_a_name_is_masked() -> None:
    mask = Mask([Secret("sk-very-secret-1")])
    body = batch(
        report("sk-very-secret-1", model="m sk-very-secret-1"),
        report("sk-very-secret-1 b", provider="sk-very-secret-1"),
        report("c", outcome="sk-very-secret-1"),
        reporter="sk-very-secret-1",
    )
    read = take(body, GROQ, mask=mask)
    assert "sk-very" not in repr(read)


def test_neutral_calls_are_counted_apart() -> None:
    read = take(batch(report("a", outcome="cancelled"), report("b")), GROQ)
    assert read.neutral == 1
    assert read.calls[0].outcome is NeutralOutcome.CANCELLED


def test_ten_thousand_headers_cost_nothing_and_are_not_kept() -> None:
    headers = {f"x-ratelimit-remaining-{n}": "0" for n in range(10_000)}
    read = take(batch(report(limits=headers)), GROQ)
    assert len(read.calls[0].limit.limits if read.calls[0].limit else ()) <= 64


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


# The first text that hypothesis makes loads its tables of characters, which takes a second.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(report(key=1, error={}, limits={}))), JSON))
def test_any_report_is_taken_or_refused(fields: dict[str, Any]) -> None:
    body = msgspec.json.encode({"reporter": "p", "reports": [report() | fields]})
    read = take(body, GROQ)
    assert len(read.calls) + len(read.refused) == 1


@given(st.binary(max_size=200))
def test_any_body_is_a_batch_or_refused(body: bytes) -> None:
    try:
        take(body, GROQ)
    except InvalidBatchError as error:
        assert str(error)
