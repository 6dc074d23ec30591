"""A real HTTP server on loopback that receives messages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs


@attrs.frozen
class ReceivedMessage:
    path: str
    headers: dict[str, str]
    body: bytes


@attrs.define
class WebhookReceiver:
    """``status``: what it answers; ``hold``: it answers only once this is set."""

    url: str = ""
    status: int = 204
    hold: threading.Event | None = None
    received: list[ReceivedMessage] = attrs.field(factory=list)


@contextmanager
def webhook_receiver(status: int = 204) -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver(status=status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(ReceivedMessage(self.path, headers, body))
            if receiver.hold is not None:
                receiver.hold.wait(20.0)
            self.send_response(receiver.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        if receiver.hold is not None:
            receiver.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()
