"""What a command makes of a tracker's answers: an answer, wrong usage, or nobody there."""

from contextlib import suppress
from typing import Any

import httpx
import pytest

from api.cli.errors import UnreachableError, UsageError
from api.cli.tracker_client import TrackerClient
from tests.helpers.odd_answers import ODD_TEXTS
from tracker.core.redaction import Secret

PROBLEM = "application/problem+json"
URL = "http://user:secret@127.0.0.1:1"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answer every request with these: status_code, json, headers."""
    said: dict[str, Any] = {"status_code": 200, "json": {}}

    def request(method: str, url: str, **_: Any) -> httpx.Response:
        return httpx.Response(**said, request=httpx.Request(method, url))

    monkeypatch.setattr(httpx, "request", request)
    return said


def refuse(answers: dict[str, Any], status: int, detail: str = "why") -> None:
    answers.update(status_code=status, json={"detail": detail}, headers={"Content-Type": PROBLEM})


def test_a_change_that_is_not_stored_yet_is_effective_and_says_so(
    answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers.update(status_code=202, json={"interval_seconds": 60})
    assert TrackerClient(URL, None).change("/api/providers/groq", {}) == {"interval_seconds": 60}
    assert capsys.readouterr().err == "not stored yet: the database has not answered\n"


@pytest.mark.parametrize("status", [400, 403, 404])
def test_what_the_tracker_refuses_is_wrong_usage(answers: dict[str, Any], status: int) -> None:
    refuse(answers, status, "no such provider")
    with pytest.raises(UsageError, match="no such provider"):
        TrackerClient(URL, None).ask("/api/providers/status/nobody")


def test_an_error_of_the_tracker_is_shown_with_its_answer_but_no_password(
    answers: dict[str, Any],
) -> None:
    refuse(answers, 503, "the database is away")
    with pytest.raises(UnreachableError, match="answered 503: the database is away") as error:
        TrackerClient(URL, None).ask("/api/providers/history")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("token", "said"),
    [(None, "no token was sent"), (Secret("wrong-one"), "the token that was sent")],
)
def test_a_missing_token_is_named(answers: dict[str, Any], token: Secret | None, said: str) -> None:
    refuse(answers, 401)
    with pytest.raises(UsageError, match=said):
        TrackerClient(URL, token).ask("/api/providers/status")


@pytest.mark.parametrize("status", [200, 500])
def test_another_program_on_the_port_is_not_taken_for_a_tracker(
    answers: dict[str, Any], status: int
) -> None:
    answers.clear()
    answers.update(status_code=status, text="<html>")
    with pytest.raises(UnreachableError, match="invalid response from the tracker"):
        TrackerClient(URL, None).ask("/api/providers/status")


def test_control_sequences_of_an_answer_are_not_shown(answers: dict[str, Any]) -> None:
    said = {"providers": {"a\x1b]0;owned\x07": {"reason": "\x1b[2Jgone\x9b31m"}}}
    answers.clear()
    answers.update(status_code=200, json=said)
    told = str(TrackerClient(URL, None).ask("/api/providers/status"))
    assert "owned" in told
    assert "gone" in told
    assert "\\x1b" not in told
    assert "\\x9b" not in told
    refuse(answers, 503, "away\x1b[31m")
    with pytest.raises(UnreachableError) as error:
        TrackerClient(URL, None).ask("/api/providers/history")
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize("body", ODD_TEXTS, ids=lambda body: repr(body[:12]))
@pytest.mark.parametrize("form", [b"%s", b'{"a": %s}', b'{"a": "\xff", "b": %s}'])
def test_any_answer_is_one_or_is_said_not_to_be_a_trackers(
    answers: dict[str, Any], form: bytes, body: bytes
) -> None:
    del answers["json"]
    answers.update(content=form % body)
    with suppress(UnreachableError):
        TrackerClient(URL, None).change("/api/providers/groq", {})
