"""Any answer ends a check of any kind in a CheckResult: no exception, no key."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.odd_answers import (
    CHECKS,
    KEY,
    asked_provider,
    findings,
    framed,
    mutated_bodies,
)
from tracker.core.outcomes import MESSAGE_LENGTH
from tracker.probes.http.response import BoundedResponse

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


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the Gemini CLI, expired: its token is renewed with whatever comes."""
    file = tmp_path_factory.mktemp("gemini") / "oauth_creds.json"
    file.write_bytes(msgspec.json.encode({"refresh_token": KEY, "access_token": KEY}))
    return str(file)


@settings(max_examples=10)
@given(given=st.lists(replies, min_size=1, max_size=4))
def test_every_check_ends_in_a_finding(credentials: str, given: Any) -> None:
    """The same answers for all of them: it takes longer to draw them than to check."""
    for kind, check in CHECKS:
        for one in findings(asked_provider(kind, check, credentials), given):
            assert len(one.message) <= MESSAGE_LENGTH
            assert one.message.isprintable()
            assert KEY not in repr(one)


SHARES = 300  # of the mutated bodies, a check tries one in so many; ``make torture`` tries them all
MUTATED = mutated_bodies()


@pytest.mark.parametrize(("kind", "check"), CHECKS)
def test_every_node_may_be_of_any_type(kind: Any, check: Any, credentials: str) -> None:
    """A part of them for each check, another part for each."""
    share = [check for _, check in CHECKS].index(check) + len(kind)
    provider = asked_provider(kind, check, credentials)
    for body in MUTATED[share % SHARES :: SHARES]:
        for text in framed(body):
            for status in (200, 400):
                for one in findings(provider, [BoundedResponse(status=status, body=text)]):
                    assert one.message.isprintable()


@pytest.mark.parametrize("form", [KEY[-14:], KEY[:14], KEY.upper(), KEY.encode().hex()])
def test_no_part_or_form_of_a_key_names_a_limit(form: str) -> None:
    provider = asked_provider("openai", "models", "")
    fields = ((f"x-ratelimit-limit-{form}", "9"), (f"x-ratelimit-remaining-{form}", "8"))
    answer = BoundedResponse(status=200, headers=fields, body=b'{"data": [{"id": "m"}]}')
    told = repr(findings(provider, [answer])).lower().replace("_", "-")
    assert form.lower() not in told
