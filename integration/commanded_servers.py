"""LLM servers on loopback that fail on command; the prompt decides how else a call ends."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "mock-model"
SLOW = "slow"  # a prompt that is answered after its caller has given up
SLOW_SECONDS = 5.0
CHUNKS, CHUNK_SECONDS = 5, 0.02  # of a streamed answer
# The error for prompts that are the caller's own fault: status, type and code.
REFUSALS = {
    "malformed": (400, "invalid_request_error", "invalid_value"),
    "too long": (400, "invalid_request_error", "context_length_exceeded"),
    "filtered": (400, "invalid_request_error", "content_filter"),
}


class CommandedServer:
    """Answers after ``latency`` seconds; while ``failing``, lists and chats get a 500.

    first_failure: when a chat was first refused so since ``fail``, in monotonic seconds.
    listed: when the model list was asked for, likewise.
    """

    def __init__(self, name: str, latency: float) -> None:
        self.name, self.latency = name, latency
        self.failing = False
        self.first_failure: float | None = None
        self.listed: list[float] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # callers disconnect
        self.http.commanded = self  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def fail(self) -> None:
        self.first_failure, self.failing = None, True

    def answer(self, asked: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """Return the status and document for a chat; ``asked`` None: for the model list."""
        if asked is None:
            self.listed.append(time.monotonic())
        time.sleep(self.latency)
        if self.failing:
            if asked is not None and self.first_failure is None:
                self.first_failure = time.monotonic()
            return 500, _error("api_error", "internal_error", "the server had an error")
        if asked is None:
            return 200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
        prompt = str(asked["messages"][-1]["content"])
        if prompt in REFUSALS:
            status, kind, code = REFUSALS[prompt]
            return status, _error(kind, code, f"the request is {prompt}")
        if prompt == SLOW:
            time.sleep(SLOW_SECONDS)
        return 200, _completion(self.name)


@contextmanager
def commanded_servers(latencies: Sequence[float]) -> Iterator[dict[str, CommandedServer]]:
    """Run one server for each latency until the block ends."""
    servers = {f"server-{n}": CommandedServer(f"server-{n}", s) for n, s in enumerate(latencies)}
    with ExitStack() as stack:
        for server in servers.values():
            thread = threading.Thread(target=server.http.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            stack.callback(server.http.server_close)
            stack.callback(server.http.shutdown)
        yield servers


def _error(kind: str, code: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "message": message, "param": None}}


def _completion(name: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": name}
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def _chunk(**delta: str) -> bytes:
    """Return one event of a streamed answer; without a delta, the last one."""
    choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
    told = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return b"data: " + json.dumps(told | {"choices": [choice]}).encode() + b"\n\n"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, asked: dict[str, Any] | None) -> None:
        server: CommandedServer = self.server.commanded  # type: ignore[attr-defined]
        status, document = server.answer(asked)
        body = json.dumps(document).encode()
        try:
            if status == 200 and asked is not None and asked.get("stream"):
                self._stream(server.name)
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the caller disconnected, as some do on purpose
            self.close_connection = True

    def _stream(self, text: str) -> None:
        self.close_connection = True  # the end of the connection is the end of the answer
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(_chunk(role="assistant", content=text))
        for _ in range(CHUNKS):
            time.sleep(CHUNK_SECONDS)
            self.wfile.write(_chunk(content=text))
        self.wfile.write(_chunk() + b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        """Nothing: the run prints its own."""
