"""Real targets on loopback: our webhook, mail, and apprise's JSON."""

import email
import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from aiosmtpd.controller import Controller

from tests.helpers.ports import lasting_port
from tests.helpers.webhook_receiver import webhook_receiver
from tracker.alerts import targets
from tracker.alerts.apprise_target import MISSING, target_problem
from tracker.alerts.messages import compose_test
from tracker.alerts.targets import Sender, check_targets
from tracker.config.errors import ConfigError
from tracker.core.incidents import Delivery
from tracker.core.redaction import Mask, Secret
from tracker.core.settings import AlertSettings, AlertTarget

NOW = datetime(2026, 11, 27, 5, 3, tzinfo=UTC)


def target(url: str, name: str = "json 1") -> AlertTarget:
    return AlertTarget(name=name, url=Secret(url))


def a_message(name: str = "json 1") -> Delivery:
    return compose_test(name, "test-1", NOW, "http://127.0.0.1:8000")


async def send(url: str, sender: Sender | None = None) -> str:
    to = target(url)
    mask = Mask(AlertSettings(targets=(to,)).secrets)
    return await (sender or Sender(mask)).send(to, a_message(), NOW, None)


async def test_apprises_json_and_our_webhook_arrive() -> None:
    with webhook_receiver(status=200) as receiver:
        assert await send(receiver.url.replace("http", "json") + "/path") == ""
        assert await send(f"webhook+{receiver.url}/hook") == ""
    ours = [json.loads(message.body) for message in receiver.received]
    assert ours[0]["title"] == "Test of the alerts"
    assert ours[1]["type"] == "test"


async def test_mail_arrives() -> None:
    subjects: list[str] = []

    class Inbox:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (theirs)
            subjects.append(str(email.message_from_bytes(envelope.content)["Subject"]))
            return "250 OK"

    server = Controller(Inbox(), hostname="127.0.0.1", port=(port := lasting_port()))
    server.start()
    try:
        url = f"mailto://127.0.0.1:{port}?from=a@example.org&to=b@example.org&mode=insecure"
        assert await send(url) == ""
    finally:
        server.stop()
    assert subjects == ["Test of the alerts"]


async def test_a_500_and_an_unreachable_target_say_why_without_the_url() -> None:
    with webhook_receiver(status=500) as receiver:
        refused = await send(receiver.url.replace("http", "json") + "/t0ken-in-the-path")
    gone = await send(receiver.url.replace("http", "json") + "/t0ken-in-the-path")
    for error in (refused, gone):
        assert error
        assert "t0ken-in-the-path" not in error


async def test_a_slow_target_delays_no_other() -> None:
    sender = Sender(str)
    with webhook_receiver() as slow, webhook_receiver() as quick:
        slow.hold = threading.Event()
        errors: dict[str, str] = {}

        async def note(name: str, url: str) -> None:
            to = target(f"webhook+{url}/", name)
            errors[name] = await sender.send(to, a_message(name), NOW, None)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(note, "slow", slow.url)
            await note("quick", quick.url)
            assert errors == {"quick": ""}
            slow.hold.set()
        assert errors == {"quick": "", "slow": ""}


async def test_a_target_that_does_not_answer_in_time_is_given_up_for_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(targets, "SEND_SECONDS", 0.3)
    with webhook_receiver() as slow:
        slow.hold = threading.Event()
        to = target(f"webhook+{slow.url}/", "slow")
        error = await Sender(str).send(to, a_message("slow"), NOW, None)
    assert error == "no answer within 0.3 s"


def test_a_misspelt_target_is_named_but_not_shown() -> None:
    alerts = AlertSettings(targets=(target("slak://t0ken/x", "slak 1"), target("slack://x")))
    with pytest.raises(ConfigError) as wrong:
        check_targets(alerts)
    text = str(wrong.value)
    assert "slak 1" in text
    assert "did you mean slack://?" in text
    assert "t0ken" not in text


def test_without_apprise_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    assert target_problem("slack://a/b/c") == MISSING
    assert "alerts]" in MISSING
    check_targets(AlertSettings(targets=(target("webhook+https://example.org/x", "webhook 1"),)))
