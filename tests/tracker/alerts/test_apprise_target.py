"""Targets that apprise reaches: what is wrong with a URL, and with a delivery."""

import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tracker.alerts.apprise_target import MISSING, notify, target_problem
from tracker.alerts.webhook import DeliveryError

URL = "json://127.0.0.1:1/secret"


def service(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    """Stand in for apprise: every URL is a service that answers so; None: for no service."""
    made = None if answer is None else SimpleNamespace(notify=lambda **_: answer())
    fake = SimpleNamespace(
        Apprise=SimpleNamespace(instantiate=lambda *_, **__: made),
        NotifyFormat=SimpleNamespace(TEXT="text"),
    )
    monkeypatch.setitem(sys.modules, "apprise", fake)


def test_a_url_that_apprise_understands_has_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    service(monkeypatch, lambda: True)
    assert target_problem(URL) is None
    notify(URL, "title", "body")


def test_without_apprise_nothing_is_sent_and_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert target_problem(URL) == MISSING
    with pytest.raises(DeliveryError, match="apprise is not installed"):
        notify(URL, "title", "body")


def test_a_url_that_became_invalid_since_the_start_fails_the_delivery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service(monkeypatch, None)
    with pytest.raises(DeliveryError, match="does not accept") as error:
        notify(URL, "title", "body")
    assert "secret" not in str(error.value)


def test_a_refused_delivery_says_what_apprise_logged_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> bool:
        logging.getLogger("apprise").warning("trying")
        logging.getLogger("apprise").warning("the service answered 403")
        return False

    service(monkeypatch, refuse)
    with pytest.raises(DeliveryError, match="the service answered 403"):
        notify(URL, "title", "body")
    service(monkeypatch, lambda: False)
    with pytest.raises(DeliveryError, match="gave no reason"):
        notify(URL, "title", "body")
