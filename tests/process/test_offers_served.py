"""Watched models at a tracker in its own process, as its operator sees them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import httpx
import pytest

from tests.helpers.plain_http import PLAIN
from tests.helpers.waiting import GIVE_UP_SECONDS, block_until

COMMAND = str(Path(sys.executable).with_name("provider-status"))
TOKEN = "report-token-0123456789"
SHARED, ODD, GONE, IMAGE = (
    "shared/llama-3.3-70b-instruct",
    "модель b:c",
    "gone-9b",
    "flux-1-schnell",
)
PAINTER = "easel-2"  # only its entry in the list names its task
LONG = "m" * 10_000
LISTED = {"one": (SHARED, ODD, GONE, IMAGE, LONG, "ok-1b", "ok-2b"), "two": (SHARED, "ok-1b")}
WATCHED = (SHARED, ODD, GONE, IMAGE, "ok-1b", "ok-2b")
NOT_FOUND = {"error": {"message": f"The model `{GONE}` does not exist", "code": "model_not_found"}}


class Provider(ThreadingHTTPServer):
    """Lists its models and streams a token; ``status``: what completions of a model answer."""

    def __init__(self, models: tuple[str, ...]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.models = models
        self.status = {GONE: 404, IMAGE: 400}
        self.asked: list[str] = []


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_GET(self) -> None:
        entries = [{"id": PAINTER, "type": "image"}]
        entries += [{"id": model} for model in self.server.models]
        entries[-1]["deprecation"] = "2099-12-31"
        self.reply(200, {"data": entries})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
        self.server.asked.append(asked)
        status = self.server.status.get(asked, 200)
        if status != 200:
            self.reply(status, NOT_FOUND if status == 404 else {"error": {"message": "no"}})
            return
        chunk = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "length"}]}
        self.reply(200, f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode())

    def reply(self, status: int, body: Any) -> None:
        streamed = isinstance(body, bytes)
        data = body if streamed else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream" if streamed else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""


@attrs.define
class Served:
    """A tracker's process, its folder and the providers it watches."""

    folder: Path
    providers: dict[str, Provider]
    url: str = ""
    process: "subprocess.Popen[str] | None" = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [COMMAND, "serve"],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "REPORTS": TOKEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.communicate(timeout=GIVE_UP_SECONDS)

    def get(self, path: str, **query: str) -> httpx.Response:
        return httpx.get(
            f"{self.url}/api{path}", params=query, timeout=GIVE_UP_SECONDS, verify=PLAIN
        )

    def offer(self, model: str) -> Any:
        offers = self.get("/providers/status/one").json()["offers"]
        return next(each for each in offers if each["model"] == model)

    def command(self, *arguments: str) -> str:
        ran = subprocess.run(
            [COMMAND, *arguments, "--url", self.url],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=GIVE_UP_SECONDS,
            check=True,
        )
        return ran.stdout

    def until_checked(self) -> None:
        block_until(lambda: all(self.offer(m)["last_check"] for m in WATCHED if m != IMAGE))

    def stored(self, model: str) -> list[Any]:
        found = self.get("/providers/history/one", model=model, resolution="raw")
        return list(found.json()["providers"]["one"])


@contextmanager
def serving(providers: dict[str, Provider]) -> Iterator[None]:
    with ExitStack() as stack:
        for provider in providers.values():
            thread = threading.Thread(target=provider.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(provider.server_close)
            stack.callback(thread.join)
            stack.callback(provider.shutdown)
        yield


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    providers = {name: Provider(models) for name, models in LISTED.items()}
    found = Served(tmp_path_factory.mktemp("offers"), providers)
    tables = [
        "[tracker]\ndiscover = false\ninterval_seconds = 300\nrecheck_seconds = [0.2, 60]\n"
        '[server]\nport = 0\n[reports]\ntoken_env = "REPORTS"\n'
        '[models]\n"my own" = ["one/ok-1b", "two/ok-1b"]\n'
    ]
    for name, provider in providers.items():
        models = json.dumps(WATCHED if name == "one" else [], ensure_ascii=False)
        tables.append(
            f'[providers.{name}]\nkind = "openai"\ncheck = "models"\nmodels = {models}\n'
            f'base_url = "http://127.0.0.1:{provider.server_port}/v1"\n'
        )
    (found.folder / "tracker.toml").write_text("".join(tables), encoding="utf-8")
    with serving(providers):
        found.start()
        try:
            found.until_checked()
            yield found
        finally:
            found.end(signal.SIGKILL)


def test_checks_of_an_offer_have_a_history_of_their_own(served: Served) -> None:
    block_until(lambda: bool(served.stored(ODD)))
    points = served.stored(ODD)
    assert {point["outcome"] for point in points} == {"ok"}
    assert {point["outcome"] for point in served.stored(GONE)} == {"not_found"}
    own = served.get("/providers/history/one", resolution="raw").json()["providers"]["one"]
    assert "not_found" not in {point["outcome"] for point in own}
    assert served.stored("nobody-7b") == []
    text = served.get("/providers/history/one", model=ODD, format="csv").text.splitlines()
    assert len(text) == 1 + len(points)
    assert "healthy" in served.command("history", "one", "--model", ODD)
    assert json.loads(served.command("history", "one", "--model", GONE, "--json"))
    header = served.get("/providers/export/csv").text.splitlines()[0]
    assert header.count(",") == 6  # the table of providers has no offers


def test_models_with_any_id_are_listed(served: Served) -> None:
    for asked in (SHARED, ODD, f"one/{ODD}", "MY OWN", "ok-2b"):
        best = served.get("/providers/best", model=asked).json()
        assert best["best_model"] in WATCHED
        assert served.get(f"/models/{quote(asked, safe='')}").json()["offers"]
    offers = served.get(f"/models/{quote(SHARED, safe='')}").json()["offers"]
    assert {each["provider_name"]: each["evidence"] for each in offers} == {
        "one": "offer",
        "two": "provider",
    }
    for path, query in (("/providers/best", {"model": LONG}), (f"/models/{LONG}", {})):
        answer = served.get(path, **query)
        assert answer.status_code == 404
        assert len(answer.text) < 1_000
    assert LONG not in served.get("/models").text
    image = served.get("/providers/best", model=IMAGE)
    assert image.status_code == 503
    assert "not for chat (image generation)" in image.text
    painter = served.get("/providers/best", model=PAINTER)
    assert (painter.status_code, painter.json()["best_model"]) == (503, None)
    assert "not for chat (image generation)" in painter.text
    (offer, *_) = served.get(f"/models/{PAINTER}").json()["offers"]
    assert not offer["usable"]
    assert "switched off on 2099-12-31" in served.command("models", "ok-2b")


def test_metrics_changes_and_events_contain_only_watched_offers(served: Served) -> None:
    text = httpx.get(f"{served.url}/metrics", timeout=GIVE_UP_SECONDS, verify=PLAIN).text
    labels = {line.split('"')[1] for line in text.splitlines() if '{model="' in line}
    assert labels == set(WATCHED)
    block_until(lambda: f"one/{GONE}" in served.command("changes"))
    with httpx.stream(
        "GET", f"{served.url}/api/providers/events", timeout=GIVE_UP_SECONDS, verify=PLAIN
    ) as told:
        first = next(line for line in told.iter_lines() if line.startswith("data:"))
    assert GONE in first


def test_tokens_per_second_come_from_reports_only(served: Served) -> None:
    at = datetime.now(UTC).isoformat()
    call = {"at": at, "provider": "one", "outcome": "ok", "latency_ms": 2100, "ttft_ms": 100}
    reports = [
        {**call, "id": "a", "model": "ok-1b", "output_tokens": 200},
        {**call, "id": "b", "model": "ok-2b"},  # it does not say how many tokens came
    ]
    answer = httpx.post(
        f"{served.url}/api/reports",
        headers={"Authorization": f"Bearer {TOKEN}"},
        json={"reporter": "proxy", "reports": reports},
        timeout=GIVE_UP_SECONDS,
        verify=PLAIN,
    )
    assert answer.json()["accepted"] == 2
    block_until(lambda: served.offer("ok-1b")["tokens_per_second"] == 100.0)
    assert served.offer("ok-1b")["ttft_ms"] is not None  # of its streamed check
    assert served.offer("ok-2b")["tokens_per_second"] is None
    assert served.offer(SHARED)["tokens_per_second"] is None


def test_the_state_of_offers_survives_a_kill(served: Served) -> None:
    block_until(lambda: bool(served.stored("ok-2b")))
    before = {model: served.offer(model) for model in (GONE, "ok-2b")}
    for model, offer in before.items():  # what is told may be stored a moment later
        block_until(lambda m=model, o=offer: len(served.stored(m)) >= o["checks_24h"])  # type: ignore[misc]
    served.end(signal.SIGKILL)
    served.start()
    for model, offer in before.items():
        block_until(lambda model=model: served.offer(model)["last_check"] is not None)  # type: ignore[misc]
        assert served.offer(model)["consecutive_failures"] >= offer["consecutive_failures"]
        assert served.offer(model)["checks_24h"] >= offer["checks_24h"]
    served.until_checked()


def test_without_a_budget_offers_wait_and_say_so(served: Served) -> None:
    file = served.folder / "tracker.toml"
    text = file.read_text(encoding="utf-8")
    assert served.process is not None
    file.write_text(text.replace("discover", "completions_per_day = 0\ndiscover"), encoding="utf-8")
    served.process.send_signal(signal.SIGHUP)
    block_until(lambda: served.get("/providers/health").json()["completions"]["exhausted"])
    served.end(signal.SIGTERM)
    for provider in served.providers.values():
        provider.asked.clear()
    served.start()
    block_until(lambda: served.offer("ok-1b")["waits_for_budget"])
    assert "its next check waits until 00:00 UTC" in served.offer("ok-1b")["reason"]
    assert served.providers["one"].asked == []
    file.write_text(text, encoding="utf-8")
    served.process.send_signal(signal.SIGHUP)
    block_until(lambda: "ok-1b" in served.providers["one"].asked)  # not at midnight
    served.until_checked()
