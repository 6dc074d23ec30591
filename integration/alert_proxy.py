"""Targets behind a proxy that requires a password: over HTTP, and through CONNECT over TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import attrs
import trustme

from integration.alert_processes import (
    PATIENCE,
    TOKEN,
    everything_shown,
    problems,
    targets,
    watched,
)
from integration.alert_receivers import secured
from integration.report import expect, insist, say, wait_for
from integration.served import Served, served

USER, PASSWORD = "proxyuser77", "pr0xyPassw0rd77"
HOST, NOWHERE = "hooks.example.org", "nowhere.example.org"
BUFFER = 65_536


def proxied() -> str:
    """Send through HTTPS_PROXY and HTTP_PROXY.

    The password is shown nowhere, also when the proxy cannot be reached."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    with watched() as (folder, provider, told), secured(told, context) as port:
        urls = (
            *told.urls,
            f"webhook+https://{HOST}/hook/{TOKEN}",
            f"jsons://{HOST}/json?cto=4&rto=4",
            f"webhook+https://{NOWHERE}/{TOKEN}",
        )
        trusted = folder / "authority.pem"
        authority.cert_pem.write_to_path(trusted)
        with proxy({f"{HOST}:443": port}) as through:
            address = f"http://{USER}:{PASSWORD}@127.0.0.1:{through.port}"
            ours = targets(*urls) | {"HTTP_PROXY": address, "HTTPS_PROXY": address}
            with served(folder, ours | trusting(trusted)) as tracker:
                tested = test_targets(tracker, "through a proxy")
                counts = [sum(m.channel == each for m in told.messages) for each in CHANNELS]
                expect(dict(zip(CHANNELS, counts, strict=True)), CHANNELS, "messages told")
                hook = f"POST http://127.0.0.1:{told.http_port}/hook"
                insist(hook in through.asked, "the proxy was asked for HTTP")
                tunnels = through.asked.count(f"CONNECT {HOST}:443")
                expect(tunnels, 2, "tunnels of TLS: the webhook and apprise")
                insist(through.authorized, "the proxy got its password")
                through.close()
                tested += test_targets(tracker, "the proxy is gone")
                provider.fail("a")
                wait_for("a problem in health", lambda: len(problems(tracker)) >= 2, PATIENCE)
                for problem in problems(tracker):
                    say(f"  {problem}")
                shown = everything_shown(tracker) | {"alerts test": tested}
                for secret in (TOKEN, PASSWORD):
                    found = [name for name, text in shown.items() if secret in text]
                    expect(found, [], "where a secret is shown")
        with proxy({f"{HOST}:443": port}) as through:
            address = f"http://{USER}:{PASSWORD}@127.0.0.1:{through.port}"
            before = len(told.messages)
            with served(folder, targets(urls[3]) | {"HTTPS_PROXY": address}) as tracker:
                said = test_targets(tracker, "an authority that nobody knows")
            insist("CERTIFICATE_VERIFY_FAILED" in said, f"the certificate is doubted in {said}")
            expect(len(told.messages), before, "messages sent without a trusted certificate")
        return f"{tunnels} tunnels of TLS; the password is shown nowhere"


CHANNELS: Mapping[str, int] = {"webhook": 2, "mail": 1, "json": 2}


def trusting(authority: Path) -> dict[str, str]:
    """Return the variables that tell Python's TLS and requests (for apprise) which CA to trust."""
    return {"SSL_CERT_FILE": str(authority), "REQUESTS_CA_BUNDLE": str(authority)}


def test_targets(tracker: Served, how: str) -> str:
    tested = tracker.command("alerts", "test", code=1)
    say(f"alerts test, {how}:\n{tested.rstrip()}")
    return tested


@attrs.define(eq=False)
class Proxy:
    """asked: the first line of each request, without its query."""

    server: ThreadingHTTPServer
    asked: list[str] = attrs.field(factory=list)
    authorized: bool = False

    @property
    def port(self) -> int:
        return self.server.server_port

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def proxy(tunnels: Mapping[str, int]) -> Iterator[Proxy]:
    """Run a forward proxy that leads to loopback only.

    tunnels: the ports that stand for outside hosts; a request for another gets a 502.
    """
    known: list[Proxy] = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self._note(f"CONNECT {self.path}")
            if self.path not in tunnels:
                self.send_error(502, "no way there")
                return
            with socket.create_connection(("127.0.0.1", tunnels[self.path])) as outside:
                self.send_response(200, "Connection established")
                self.end_headers()
                back = threading.Thread(target=relay, args=(outside, self.connection), daemon=True)
                back.start()
                relay(self.connection, outside)
                back.join()
            self.close_connection = True

        def do_POST(self) -> None:
            self._note(f"POST {self.path.partition('?')[0]}")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept = {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy")}
            request = Request(self.path, data=body, headers=kept, method="POST")
            with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
                self.send_response(answer.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _note(self, line: str) -> None:
            known[0].asked.append(line)
            known[0].authorized |= "Proxy-Authorization" in self.headers

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.append(Proxy(server))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield known[0]
    finally:
        known[0].close()


def relay(source: socket.socket, sink: socket.socket) -> None:
    """Pass on all data, until either side ends."""
    with suppress(OSError):
        while data := source.recv(BUFFER):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


PROXIES = {"a proxy": proxied}
