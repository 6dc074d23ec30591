"""Receivers of alerts: a webhook, a mail server and a service of apprise, real and on loopback."""

import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
from aiosmtpd.controller import Controller
from standardwebhooks.webhooks import Webhook

from integration.report import expect

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOK, MAIL, SERVICE = "webhook", "mail", "json"
HOLD_SECONDS = 60.0


@attrs.frozen
class Received:
    """One message. Only a webhook's have kind, key and incidents."""

    channel: str
    title: str
    text: str = ""
    kind: str = ""
    key: str = ""
    incidents: frozenset[str] = frozenset()


@attrs.define(eq=False)
class Receivers:
    """status: what the webhook answers. hold: it answers only once this is set. fast: the sender's
    clock runs faster: it gets more time, and the age of a signature is not checked.
    """

    http_port: int = 0
    mail_port: int = 0
    status: int = 204
    hold: threading.Event | None = None
    fast: bool = False
    messages: list[Received] = attrs.field(factory=list)

    @property
    def urls(self) -> tuple[str, ...]:
        sender = "from=tracker@example.org&to=ops@example.org&mode=insecure"
        patience = "cto=60&rto=60" if self.fast else "cto=4&rto=4"
        return (
            f"webhook+http://127.0.0.1:{self.http_port}/hook",
            f"mailto://127.0.0.1:{self.mail_port}?{sender}&{patience}",
            f"json://127.0.0.1:{self.http_port}/json?{patience}",
        )

    def of(self, channel: str) -> list[Received]:
        return [each for each in self.messages if each.channel == channel]

    def kinds(self) -> list[str]:
        return [each.kind for each in self.of(WEBHOOK)]

    def told_twice(self) -> list[Received]:
        """Return webhooks that repeat an event under another key."""
        seen: dict[tuple[str, str], str] = {}
        again = []
        for each in self.of(WEBHOOK):
            for incident in each.incidents:
                known = seen.setdefault((each.kind, incident), each.key)
                if known != each.key and each.kind != "incident.reminder":
                    again.append(each)
        return again

    def counts(self) -> str:
        found = Counter(each.channel for each in self.messages)
        return ", ".join(f"{channel} {found[channel]}" for channel in (WEBHOOK, MAIL, SERVICE))

    def take_webhook(self, body: bytes, headers: dict[str, str]) -> None:
        """Record a webhook. Raises WebhookVerificationError if its signature is wrong."""
        key = headers["webhook-id"]
        if self.fast:
            at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            expect(headers["webhook-signature"], Webhook(SECRET).sign(key, at, body.decode()), key)
        else:
            Webhook(SECRET).verify(body, headers)
        event = json.loads(body)
        data, ids = event["data"], {each["id"] for each in event["data"].get("incidents", ())}
        self.messages.append(
            Received(WEBHOOK, data["title"], data["text"], event["type"], key, frozenset(ids))
        )


@contextmanager
def receivers(*, fast: bool = False) -> Iterator[Receivers]:
    """Run all three receivers, each on its own port."""
    found = Receivers(fast=fast)
    web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(found))
    found.http_port = web.server_port
    threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        found.mail_port = free.getsockname()[1]
    mail = Controller(_Mailbox(found), hostname="127.0.0.1", port=found.mail_port)
    mail.start()
    try:
        yield found
    finally:
        mail.stop()
        web.shutdown()
        web.server_close()


@contextmanager
def secured(told: Receivers, context: ssl.SSLContext) -> Iterator[int]:
    """Run webhook and service again over TLS; yield their port."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(told))
    web.socket = context.wrap_socket(web.socket, server_side=True)
    threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield web.server_port
    finally:
        web.shutdown()
        web.server_close()


@attrs.frozen
class _Mailbox:
    told: Receivers

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain", "html"))
        text = "" if body is None else str(body.get_content()).strip()
        self.told.messages.append(Received(MAIL, str(mail["Subject"]), text))
        return "250 OK"


def _handler(told: Receivers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook = self.path.startswith("/hook")
            status = told.status if hook else 200
            if hook and status < 300:
                headers = {name.lower(): value for name, value in self.headers.items()}
                told.take_webhook(body, headers)
            elif not hook:
                event = json.loads(body)
                told.messages.append(Received(SERVICE, event["title"], event["message"]))
            if hook and told.hold is not None:
                told.hold.wait(HOLD_SECONDS)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
