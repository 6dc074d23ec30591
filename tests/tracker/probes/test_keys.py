"""tracker.probes.keys: several keys of one provider, of which one may be bad."""

from datetime import UTC, datetime
from typing import Any

from tests.helpers.ask_provider import LIST, check
from tests.helpers.loopback import answer
from tracker.core.outcomes import Facts, KeyState, OutcomeKind
from tracker.core.redaction import Secret
from tracker.health.health_state import blocked_for


def keyed(**answers: Any) -> Any:
    """By the key's last letter."""
    return lambda asked: answers[asked.headers["authorization"][-1]]


KEYS = tuple(Secret(f"canary-0123456789-{letter}") for letter in "abc")
REFUSED, SPENT, LIMITED = (
    answer(status=401),
    answer(status=402),
    answer(status=429, retry_after="9"),
)


async def states(answers: Any, times: int = 1) -> tuple[Any, ...]:
    finding, asked = await check("groq", answers, keys=KEYS, times=times)
    tried = "".join(one.headers["authorization"][-1] for one in asked)
    return finding, [report.state for report in finding.keys], tried


async def test_each_check_takes_the_next_key() -> None:
    finding, found, tried = await states(keyed(a=LIST, b=LIST, c=LIST), times=4)
    assert tried == "abca"
    assert found == [KeyState.OK] * 3
    assert finding.requests == 1


async def test_bad_keys_do_not_count_against_their_provider() -> None:
    finding, found, tried = await states(keyed(a=REFUSED, b=SPENT, c=LIST))
    assert (finding.kind, finding.requests, tried) == (OutcomeKind.OK, 3, "abc")
    assert found == [KeyState.REFUSED, KeyState.SPENT, KeyState.OK]
    assert finding.facts == Facts(reachable=True, authenticated=True)


async def test_keys_not_tried_yet_are_unknown() -> None:
    _, found, _ = await states(keyed(a=LIST))
    assert found == [KeyState.OK, KeyState.UNKNOWN, KeyState.UNKNOWN]


async def test_of_failing_keys_the_one_that_resets_first_decides() -> None:
    finding, found, _ = await states(keyed(a=REFUSED, b=LIMITED, c=SPENT))
    assert (finding.kind, finding.retry_after) == (OutcomeKind.RATE_LIMITED, 9.0)
    assert found == [KeyState.REFUSED, KeyState.RATE_LIMITED, KeyState.SPENT]


def last_request(seconds: float) -> Any:
    told = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": f"{seconds}s"}
    return answer({"data": [{"id": "m"}]}, **told)


async def test_a_key_used_up_by_its_answer_does_not_block_a_provider_with_another_key() -> None:
    finding, found, tried = await states(keyed(a=last_request(60), b=LIST, c=LIST))
    assert (finding.kind, tried, finding.limits) == (OutcomeKind.OK, "ab", ())
    assert found == [KeyState.RATE_LIMITED, KeyState.OK, KeyState.UNKNOWN]


async def test_when_all_keys_are_used_up_the_one_that_resets_first_decides() -> None:
    finding, found, tried = await states(keyed(a=last_request(60), b=last_request(20), c=REFUSED))
    assert (finding.kind, tried) == (OutcomeKind.OK, "abc")
    assert 0.0 < blocked_for(finding, datetime.now(UTC)) <= 20.0
    assert found == [KeyState.RATE_LIMITED, KeyState.RATE_LIMITED, KeyState.REFUSED]


async def test_a_failing_server_is_not_asked_again_with_another_key() -> None:
    finding, found, tried = await states(keyed(a=answer(status=500)))
    assert (finding.kind, tried) == (OutcomeKind.SERVER, "a")
    assert found == [KeyState.UNKNOWN] * 3


async def test_a_key_does_not_count_as_refused_because_of_our_location() -> None:
    region = answer({"error": {"code": "unsupported_country_region_territory"}}, 403)
    finding, found, _ = await states(keyed(a=region, b=region, c=region))
    assert finding.message.startswith("not available in our region (403)")
    assert found == [KeyState.UNKNOWN] * 3
