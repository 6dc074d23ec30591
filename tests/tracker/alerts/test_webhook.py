"""Our webhook, verified as a receiver would with the reference library."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from tests.helpers.webhook_receiver import webhook_receiver
from tracker.alerts.webhook import DeliveryError, post, signature_headers, signing_key
from tracker.core.redaction import Secret

SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def now() -> datetime:
    return datetime.now(UTC)


@given(
    st.binary(min_size=24, max_size=64),
    st.text(),
    st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True),
)
def test_any_message_verifies_with_its_secret_and_no_other(
    key: bytes, text: str, event: Any
) -> None:
    secret = Secret("whsec_" + base64.b64encode(key).decode())
    body = json.dumps({"text": text})
    headers = dict(signature_headers(event, now(), body.encode(), secret))
    assert Webhook(secret.reveal()).verify(body, headers) == {"text": text}
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(base64.b64encode(key + b"x").decode()).verify(body, headers)


def test_without_a_secret_there_is_no_signature() -> None:
    assert set(signature_headers("k", now(), b"{}", None)) == {"webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize("text", ["whsec_not base64", "whsec_", "ä"])
def test_a_secret_that_is_not_base64_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="the signing secret") as refused:
        signing_key(Secret(text))
    assert text not in str(refused.value).replace("whsec_", "", 1) or text == "whsec_"


def test_a_receiver_gets_the_message_signed() -> None:
    with webhook_receiver() as receiver:
        post(f"webhook+{receiver.url}/hook?token=abc", "event-1", now(), b'{"a": 1}', SECRET)
    (message,) = receiver.received
    assert message.path == "/hook?token=abc"
    assert Webhook(SECRET.reveal()).verify(message.body, message.headers) == {"a": 1}
    assert message.headers["webhook-id"] == "event-1"


@pytest.mark.parametrize("status", [302, 400, 404, 410, 429, 500, 503])
def test_any_other_answer_than_a_2xx_is_an_error_and_no_redirect_is_followed(status: int) -> None:
    with webhook_receiver(status=status) as receiver, pytest.raises(DeliveryError) as failed:
        post(f"webhook+{receiver.url}/secret-path", "event-1", now(), b"{}", SECRET)
    assert str(status) in str(failed.value)
    assert "secret-path" not in str(failed.value)
    assert len(receiver.received) == 1


def test_an_unreachable_target_is_an_error() -> None:
    with webhook_receiver() as receiver:
        url = receiver.url
    with pytest.raises(DeliveryError, match="it cannot be reached"):
        post(f"webhook+{url}/", "event-1", now(), b"{}", None)


def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook_receiver() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        post("webhook+http://localhost:1/hook", "event-1", now(), b"{}", None)
    (message,) = proxy.received
    assert message.path == "http://localhost:1/hook"
