"""Providers on loopback that fail on command: all, one of them, or one model."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import attrs

MODEL, OTHER = "llama-3-8b", "qwen-2-7b"
Answer = tuple[int, Mapping[str, Any]]


def refusal(status: int, kind: str, code: str, message: str) -> Answer:
    """Return an error in OpenAI's form."""
    return status, {"error": {"type": kind, "code": code, "message": message, "param": None}}


BROKEN = refusal(500, "api_error", "internal_error", "the server had an error")
KEY_REFUSED = refusal(
    401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-****1234."
)
QUOTA_SPENT = refusal(
    429,
    "insufficient_quota",
    "insufficient_quota",
    "You exceeded your current quota, please check your plan and billing details.",
)
RATE_LIMITED = refusal(
    429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached for requests per minute."
)
MALFORMED = refusal(400, "invalid_request_error", "invalid_value", "the request is malformed")
OVERLOADED = refusal(503, "overloaded_error", "model_overloaded", "this model is overloaded")
# Markup of HTML, Slack and Markdown, a mention, colours and a link of a terminal, a direction mark.
HOSTILE = refusal(
    500,
    "api_error",
    "<b>x</b>",
    "<script>alert(1)</script> <!channel> [click](http://evil.example) @everyone "
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \u202egnp.exe \u2067rtl",
)


@attrs.define(eq=False)
class Upstreams:
    """``answers``: what a provider says instead of its models, by name. ``models``: what a model
    of a provider says instead of a completion. ``headers``: of a provider's answers. ``lists``: the
    models of a provider that has not both.
    """

    port: int = 0
    answers: dict[str, Answer] = attrs.field(factory=dict)
    models: dict[tuple[str, str], Answer] = attrs.field(factory=dict)
    headers: dict[str, dict[str, str]] = attrs.field(factory=dict)
    lists: dict[str, tuple[str, ...]] = attrs.field(factory=dict)

    def base_url(self, name: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{name}/v1"

    def fail(self, *names: str, answer: Answer = BROKEN) -> None:
        self.answers |= dict.fromkeys(names, answer)

    def recover(self) -> None:
        self.answers.clear()
        self.models.clear()

    def answer(self, name: str, model: str | None) -> Answer:
        if name in self.answers:
            return self.answers[name]
        if model is None:
            listed = [
                {"id": each, "object": "model"} for each in self.lists.get(name, (MODEL, OTHER))
            ]
            return 200, {"object": "list", "data": listed}
        return self.models.get((name, model)) or (200, _completion(model))


def _completion(model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": "1"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    document = {"id": "chat-1", "object": "chat.completion", "created": 1, "model": model}
    return document | {"choices": [choice], "usage": usage}


@contextmanager
def upstreams(port: int = 0) -> Iterator[Upstreams]:
    """Run all of them on one port; 0: a free one."""
    state = Upstreams()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(str(asked["model"]))

        def _answer(self, model: str | None) -> None:
            name = urlsplit(self.path).path.split("/")[1]  # a proxy gets the whole URL
            status, document = state.answer(name, model)
            body = json.dumps(document).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                for header, value in state.headers.get(name, {}).items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # a killed tracker closes its connection
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    state.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
