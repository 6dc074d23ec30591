"""A tracker for the client's tests: a real server on loopback that can misbehave."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

LIMIT = 60.0  # seconds a test waits for anything, which only a failing one does


def best(*names: str, **more: Any) -> dict[str, Any]:
    """An answer of /best in the order given, each with half the weight of the one before it."""
    weights = [2.0**-place for place in range(1, len(names))] + [2.0 ** (1 - len(names))]
    ranking = [
        {"provider_name": name, "status": "healthy", "weight": weight, "reason": "as told"}
        for name, weight in zip(names, weights, strict=False)
    ]
    answer = {
        "best_provider": names[0] if names else None,
        "reason": "as told",
        "alternatives": list(names[1:]),
        "ranking": ranking,
        "excluded": [],
        "weights": dict(zip(names, weights, strict=False)),
        "timestamp": "2026-01-05T12:00:00.000Z",
        "valid_until": None,
    }
    return answer | more


def best_offers(*offers: str, **more: Any) -> dict[str, Any]:
    """An answer of /best about offers, each as "provider/model"."""
    answer = best(*offers)
    for line in answer["ranking"]:
        provider, _, model = line["provider_name"].partition("/")
        line |= {"provider_name": provider, "model": model, "evidence": "offer", **more}
    if offers:
        answer["best_provider"], _, answer["best_model"] = offers[0].partition("/")
    answer["alternatives"] = [line["provider_name"] for line in answer["ranking"][1:]]
    return answer


class FakeTracker:
    """Serves what its attributes say; ``mood``, where set, answers /best instead."""

    def __init__(
        self, *names: str, models: dict[str, list[str]] | None = None, port: int = 0
    ) -> None:
        self.best: Any = best(*names)
        self.models: Any = {"models": models or {}}
        # Answers about offers: by a model's name, or by "a/x,b/y" for candidates; others get 404.
        self.offers: dict[str, Any] = {}
        self.ready = 200
        self.events = False
        self.mood: Callable[[_Handler], None] | None = None
        self.token: str | None = None
        self.asked: Counter[str] = Counter()  # by path
        self.answered: Counter[int] = Counter()  # by status, of /best
        self.changed = threading.Condition()
        self.released = threading.Event()  # ends hanging handlers
        self.frames: list[bytes] = []
        self.batches: list[dict[str, Any]] = []  # of reports, in the order accepted
        self.refusal = 0  # the status with which reports are refused; 0: accepted
        self.send_every = 0.1
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.fake = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Stop listening and disconnect every client."""
        with self.changed:
            self.released.set()
            self.changed.notify_all()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()  # waits for the handlers

    def tell(self, event: str, data: str = "{}") -> None:
        """Send an event to every listening client."""
        with self.changed:
            self.frames.append(f"event: {event}\ndata: {data}\n\n".encode())
            self.changed.notify_all()

    def wait(self, until: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(until, LIMIT), f"waited too long; asked {self.asked}"

    @property
    def reports(self) -> list[dict[str, Any]]:
        """Every report taken, in the order it came."""
        return [report for batch in self.batches for report in batch["reports"]]

    def wait_asked(self, count: int) -> None:
        """Until ``count`` polls came, of all."""
        self.wait(lambda: self.asked["/api/providers/best"] >= count)

    def wait_polls(self, count: int = 2) -> None:
        """Until ``count`` further polls came. The second proves the first's answer was taken in."""
        self.wait_asked(self.asked["/api/providers/best"] + count)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = LIMIT

    @property
    def fake(self) -> FakeTracker:
        fake: FakeTracker = self.server.fake  # type: ignore[attr-defined]
        return fake

    def setup(self) -> None:
        super().setup()
        self.close_connection = False

    def do_GET(self) -> None:
        fake = self.fake
        with fake.changed:
            fake.asked[self.path] += 1
            fake.changed.notify_all()
        if fake.token and self.headers["Authorization"] != f"Bearer {fake.token}":
            self.answer(401, b"{}")
        elif self.path == "/api/providers/best" and fake.mood:
            self.close_connection = True
            fake.mood(self)
        elif self.path == "/api/providers/best":
            self.answer_json(fake.best, 200 if fake.best.get("best_provider") else 503)
        elif self.path.startswith("/api/providers/best?"):
            self.answer_offers()
        elif self.path == "/api/providers/models":
            self.answer_json(fake.models() if callable(fake.models) else fake.models)
        elif self.path == "/readyz":
            self.answer(fake.ready, b"{}")
        elif self.path == "/api/providers/events" and fake.events:
            self.stream()
        else:
            self.answer(404, b"{}")

    def do_POST(self) -> None:
        fake = self.fake
        batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        batch["token"] = self.headers["Authorization"]
        receipt = {
            "accepted": len(batch["reports"]),
            "neutral": 0,
            "refused": [],
            "send_every_seconds": fake.send_every,
        }
        with fake.changed:
            fake.asked[self.path] += 1
            refusal = fake.refusal
            if not refusal:
                fake.batches.append(batch)
            fake.changed.notify_all()
        headers = {"Retry-After": "1"} if refusal == 429 else {}
        self.answer(refusal or 202, json.dumps(receipt).encode(), headers=headers)

    def answer_offers(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        name = (asked.get("model") or asked["candidates"])[0]
        known = self.fake.offers.get(name)
        if known is None:
            self.answer(404, b"{}")
        else:
            self.answer_json(known, 200 if known["best_provider"] else 503)

    def answer_json(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        tag = f'"{hash(body)}"'
        if self.headers["If-None-Match"] == tag:
            self.answer(304, b"", tag)
        else:
            self.answer(status, body, tag)

    def answer(
        self,
        status: int,
        body: bytes,
        tag: str = "",
        kind: str = "application/json",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        with self.fake.changed:
            self.fake.answered[status] += self.path == "/api/providers/best"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")  # so that no handler waits for a second request
        if tag:
            self.send_header("ETag", tag)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b": welcome\n\nevent: snapshot\ndata: {}\n\n")
        sent = len(self.fake.frames)
        while not self.fake.released.is_set() and self.fake.events:
            with self.fake.changed:
                self.fake.changed.wait(0.05)
            fresh = self.fake.frames[sent:]
            sent += len(fresh)
            self.wfile.write(b"".join(fresh))

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client disconnected during a misbehaving answer
            self.close_connection = True


def hang(handler: _Handler) -> None:
    handler.fake.released.wait(LIMIT)


def hang_in_the_body(handler: _Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    handler.fake.released.wait(LIMIT)


def drip(handler: _Handler) -> None:
    """A byte at a time: no single read is slow, the whole never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not handler.fake.released.wait(0.01):
        handler.wfile.write(b" ")


def hang_up(handler: _Handler) -> None:
    """Not a byte."""


def not_http(handler: _Handler) -> None:
    handler.wfile.write(b"\x16\x03\x01 hello\r\n\r\n")


def half(handler: _Handler) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"best_provider": "b')


def huge(handler: _Handler) -> None:
    """Grows until the client has had enough."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(1000):
        handler.wfile.write(b" " * 2**16)


def saying(status: int, body: bytes, **headers: str) -> Callable[[_Handler], None]:
    def say(handler: _Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)

    return say
