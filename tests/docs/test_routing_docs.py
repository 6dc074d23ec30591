"""Every snippet of "Route with it" runs and prints what its page says (LiteLLM's and FastAPI's:
see integration/)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.doc_snippets import PAGES, run, snippets
from tests.helpers.real_tracker import RealTracker, real_tracker


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTracker]:
    with real_tracker(tmp_path_factory.mktemp("tracker")) as tracker:
        yield tracker


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """With a tracker.toml that watches one provider, on loopback."""

    class Models(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"object": "list", "data": [{"id": "gpt-oss-20b"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    (tmp_path / "tracker.toml").write_text(
        '[tracker]\ndiscover = false\n\n[providers.local]\nkind = "openai"\n'
        f'base_url = "http://127.0.0.1:{server.server_address[1]}/v1"\n'
    )
    yield tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


def cases(*pages: str) -> list[object]:
    return [
        pytest.param(
            *snippet,
            id=f"{page}-{number}",
            marks=[pytest.mark.needs_program("curl")] if snippet[0] == "console" else [],
        )
        for page in pages
        for number, snippet in enumerate(snippets(page), 1)
    ]


@pytest.mark.parametrize(("language", "text", "printed"), cases("http.md", "embedding.md"))
def test_a_snippet_prints_what_its_page_says(
    tracker: RealTracker, folder: Path, language: str, text: str, printed: Any
) -> None:
    output = run(language, text, url=tracker.url, folder=folder)
    if language == "console":
        assert json.loads(output)["best_provider"] in {"groq", "mistral"}
    else:
        assert output == (printed or "")


@pytest.mark.parametrize(("language", "text", "printed"), cases("report-back.md"))
def test_a_report_of_the_page_is_accepted(
    tracker: RealTracker, folder: Path, language: str, text: str, printed: Any
) -> None:
    output = run(language, text, url=tracker.url, folder=folder)
    if language == "console":
        assert json.loads(output)["accepted"] == 1
    else:
        assert output == printed


def test_every_page_shows_code() -> None:
    counts = {page.name: len(list(snippets(page.name))) for page in PAGES.glob("*.md")}
    assert set(counts) >= {"http.md", "litellm.md", "fastapi.md", "embedding.md", "report-back.md"}
    assert min(counts.values()) >= 2
