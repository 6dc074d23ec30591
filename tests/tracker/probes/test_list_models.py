"""tracker.probes.list_models: a list that is known is not read again, and means the same."""

import json
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import list_models, model_lists
from tracker.probes.http.response import BoundedResponse
from tracker.probes.http.transport import open_transport
from tracker.probes.list_models import check_list
from tracker.probes.session import Session

KEY = Secret("canary-0123456789abcdef")
OTHER = Secret("ya29.token-one-aaaaaaaa")
PROVIDER = Provider(name="here", base_url="http://127.0.0.1:9/v1", keys=(KEY,), list_public=False)
NOW = Clock().now()
JSON = ("content-type", "application/json")


def body(*names: str, **more: Any) -> bytes:
    return json.dumps({"data": [{"id": name, **more} for name in names]}).encode()


GOOD = BoundedResponse(status=200, headers=(JSON,), body=body("a", "b"), seconds=0.1)


@attrs.define(kw_only=True)
class ReplyingSession(Session):
    """Answers each request by the next reply."""

    replies: list[BoundedResponse]

    async def get_list(self, path: str, key: Secret | None) -> BoundedResponse:
        return self.replies.pop(0)


def session(replies: Sequence[BoundedResponse]) -> ReplyingSession:
    return ReplyingSession(
        provider=PROVIDER,
        transport=open_transport(PROVIDER),
        clock=Clock(now=lambda: NOW),
        replies=[attrs.evolve(reply) for reply in replies],  # nothing of them is parsed yet
    )


def check_all(asked: ReplyingSession) -> list[tuple[CheckResult, object, object]]:
    """Return what each reply makes of it, and what is remembered beside it."""

    async def run() -> list[tuple[CheckResult, object, object]]:
        return [
            (
                await check_list(asked, KEY, "/models"),
                asked.memory.get("retiring"),
                asked.memory.get("tasks"),
            )
            for _ in range(len(asked.replies))
        ]

    return trio.run(run)


REPLIES = st.builds(
    BoundedResponse,
    status=st.sampled_from([200, 200, 200, 201, 401, 403, 429, 500, 503]),
    headers=st.sets(
        st.sampled_from(
            [
                ("content-type", "text/html"),
                ("cf-mitigated", "challenge"),
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-limit-requests", "10"),
                ("retry-after", "7"),
            ]
        ),
        max_size=2,
    ).map(lambda some: (*sorted(some), JSON)),
    body=st.sampled_from(
        [
            body("a", "b"),
            body("a", "c"),
            body("a", "b", deprecation="2027-01-01", type="image"),
            body(f"echo {KEY.reveal()}"),
            b'{"error": {"message": "a"}}',
            b'{"error": {"message": "a"}, "data": [{"id": "a"}]}',
            b"<html>just a moment</html>",
            b"[]",
            b"{",
        ]
    ),
    seconds=st.sampled_from([0.1, 0.2]),
    untimed=st.sampled_from(["", "nobody knows"]),
)


@given(st.lists(REPLIES, max_size=6))
def test_each_answer_means_what_it_means_to_one_who_has_seen_no_other(
    replies: list[BoundedResponse],
) -> None:
    for (found, retiring, tasks), reply in zip(check_all(session(replies)), replies, strict=True):
        [(alone, new_retiring, new_tasks)] = check_all(session([reply]))
        assert found == alone
        if found.models is not None:
            assert (retiring, tasks) == (new_retiring, new_tasks)


def test_a_list_that_came_before_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read = model_lists.read_models
    asked: list[object] = []

    async def count(value: object) -> Any:
        asked.append(value)
        return await read(value)

    monkeypatch.setattr(list_models, "read_models", count)
    later = attrs.evolve(GOOD, seconds=0.3, headers=(("date", "now"), JSON))
    other = attrs.evolve(GOOD, body=body("a", "c"))
    results = [found for found, *_ in check_all(session([GOOD, later, other, other]))]
    assert [found.models for found in results] == [("a", "b"), ("a", "b"), ("a", "c"), ("a", "c")]
    assert results[1].models is results[0].models  # indexes rely on that
    assert [found.latency_ms for found in results[:2]] == [100.0, pytest.approx(300.0)]
    assert len(asked) == 2


def test_a_secret_that_is_learned_later_is_masked_in_the_same_list() -> None:
    echo = attrs.evolve(GOOD, body=body(f"for {OTHER.reveal()}"))
    asked = session([echo])
    [(first, *_)] = check_all(asked)
    asked.secrets.learn(OTHER)
    asked.replies.append(attrs.evolve(echo))
    [(second, *_)] = check_all(asked)
    assert first.kind is second.kind is OutcomeKind.OK
    assert OTHER.reveal() in str(first.models)
    assert OTHER.reveal() not in str(second.models)


def test_how_many_entries_are_left_out_is_said_once_until_it_changes() -> None:
    odd = attrs.evolve(GOOD, body=body("a", "x" * 201, ""))
    later = attrs.evolve(GOOD, body=body("b", "x" * 202, ""))
    with capture_logs() as logs:
        check_all(session([GOOD, odd, later, GOOD]))
    told = [each for each in logs if "left out" in each["event"]]
    assert [(each["left_out"], each["models"]) for each in told] == [(2, 1), (0, 2)]
    assert all(each["log_level"] == "warning" for each in told)
    assert told[0]["provider"] == PROVIDER.name
