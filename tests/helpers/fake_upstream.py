"""An LLM provider for routing tests: a real server on loopback that answers with its own name."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class FakeUpstream:
    """``status``: what it answers to a chat; ``calls`` counts them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = 200
        self.calls = 0
        self.asked: list[dict[str, Any]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.fake = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = 10.0

    def stream(self, answer: dict[str, Any], message: dict[str, str]) -> None:
        """The same as server-sent events, until the connection ends."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        frame = {**answer, "object": "chat.completion.chunk"}
        for delta, reason in ((message, None), ({}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            chunk = json.dumps({**frame, "choices": [choice]})
            self.wfile.write(f"data: {chunk}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def do_POST(self) -> None:
        fake: FakeUpstream = self.server.fake  # type: ignore[attr-defined]
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fake.asked.append({**asked, "authorization": self.headers["Authorization"]})
        fake.calls += 1
        message = {"role": "assistant", "content": fake.name}
        answer = {
            "id": "chat-1",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "service_tier": "default",  # LiteLLM reads it of Groq
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        if asked.get("stream") and fake.status == 200:
            self.stream(answer, message)
            return
        error = {"error": {"message": f"{fake.name} says {fake.status}", "type": "x", "code": "x"}}
        body = json.dumps(answer if fake.status == 200 else error).encode()
        self.send_response(fake.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""
