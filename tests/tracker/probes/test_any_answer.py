"""Any answer ends a check of any kind in a CheckResult: no exception, no key."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.recorded_answers import CASES
from tracker.config.catalogue import load_dialects
from tracker.core.outcomes import MESSAGE_LENGTH, CheckResult
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import open_check, session
from tracker.probes.http.event_stream import read_stream
from tracker.probes.http.response import UNPARSEABLE, BoundedResponse, parse_json

KEY = "canary-0123456789abcdef"
NAMES = """data models id name error code message status type choices delta content finish_reason
valid success result is_available balance_infos currency total_balance limit limit_remaining
limit_reset is_free_tier free_model_daily_requests remaining currentTier ineligibleTiers reasonCode
buckets modelId remainingFraction resetTime access_token expires_in candidates details reason
supportedGenerationMethods endpoints tokenType metadata violations quotaId"""

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([KEY, "active", "USD", "0", "daily", "m", "error"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=5)
    ),
    max_leaves=20,
)
raw = (
    values.map(msgspec.json.encode)
    | st.lists(values.map(msgspec.json.encode), max_size=3).map(
        lambda events: b"".join(b"data: " + event + b"\n\n" for event in events)
    )
    | st.binary(max_size=60)
)
replies = st.builds(
    BoundedResponse,
    status=st.sampled_from([200, 200, 200, 200, 201, 400, 401, 403, 404, 429, 500, 503]),
    headers=st.just((("content-type", "application/json"),)),
    body=raw,
    arrivals=st.lists(st.tuples(st.integers(0, 99), st.floats(0, 9)), max_size=3).map(tuple),
)
CHECKS = [(kind.name, check) for kind in load_dialects().values() for check in kind.checks]


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the Gemini CLI, expired: its token is renewed with whatever comes."""
    file = tmp_path_factory.mktemp("gemini") / "oauth_creds.json"
    file.write_bytes(msgspec.json.encode({"refresh_token": KEY, "access_token": KEY}))
    return str(file)


def findings(provider: Provider, given: list[BoundedResponse]) -> list[CheckResult]:
    """Two checks whose requests are answered with these in turn, the last one forever."""

    async def fetch(*_: Any) -> Any:
        return given.pop(0) if len(given) > 1 else given[0]

    async def run() -> list[Any]:
        async with open_check(provider) as check:
            return [await check(), await check()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "fetch", fetch)
        return trio.run(run)


@pytest.mark.parametrize(("kind", "check"), CHECKS)
@settings(max_examples=25, deadline=None)
@given(given=st.lists(replies, min_size=1, max_size=4))
def test_every_check_ends_in_a_finding(kind: Any, check: Any, credentials: str, given: Any) -> None:
    options = {"credential_file": credentials, "project": "p", "account_id": "a"}
    provider = Provider(
        name="any",
        kind=kind,
        base_url="http://127.0.0.1:9",
        moved=True,
        keys=(Secret(KEY),),
        check=check,
        options=options,
    )
    for one in findings(provider, list(given)):
        assert len(one.message) <= MESSAGE_LENGTH
        assert one.message.isprintable()
        assert KEY not in repr(one)


SHARES = 24  # of the mutated bodies, a check tries one in so many
ODD = (None, True, 0, -1, 1e300, 2**63, "", "x", "error", [], ["chat"], [[]], {}, {"type": []})


def bodies() -> Iterator[Any]:
    """Every JSON body that a recorded answer holds, and the events of the streamed ones."""
    for case in CASES.values():
        answers = (*case.routes.values(), case.bad_key, case.spent, case.limited, case.overloaded)
        for one in answers:
            body = b"".join(one.pieces)
            if (whole := parse_json(body)) is not UNPARSEABLE:
                yield whole
            else:
                events = (parse_json(event.data) for event in read_stream(body))
                yield from (event for event in events if event is not UNPARSEABLE)


def mutations(value: Any) -> Iterator[Any]:
    """The value with each of its nodes replaced by each odd one."""
    yield from ODD
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (value | {name: mutated} for mutated in mutations(inner))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from ([*value[:place], m, *value[place + 1 :]] for m in mutations(inner))


MUTATED = sorted({msgspec.json.encode(each) for body in bodies() for each in mutations(body)})


@pytest.mark.parametrize(("kind", "check"), CHECKS)
def test_every_node_may_be_of_any_type(kind: Any, check: Any, credentials: str) -> None:
    """A part of them for each check, another part for each: together they are all tried."""
    share = [check for _, check in CHECKS].index(check) + len(kind)
    options = {"credential_file": credentials, "project": "p", "account_id": "a"}
    provider = Provider(
        name="any",
        kind=kind,
        base_url="http://127.0.0.1:9",
        moved=True,
        keys=(Secret(KEY),),
        check=check,
        options=options,
    )
    for body in MUTATED[share % SHARES :: SHARES]:
        for framed in (body, b"data: " + body + b"\n\n"):
            for status in (200, 400):
                for one in findings(provider, [BoundedResponse(status=status, body=framed)]):
                    assert one.message.isprintable()
