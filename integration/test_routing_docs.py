"""The snippets of "Route with it" that need LiteLLM or FastAPI print what their page says."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.doc_snippets import run, snippets
from tests.helpers.real_tracker import RealTracker, real_tracker

NEEDED = {"litellm.md": "litellm", "fastapi.md": "fastapi"}


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTracker]:
    with real_tracker(tmp_path_factory.mktemp("tracker")) as tracker:
        yield tracker


def cases() -> list[object]:
    return [
        pytest.param(needed, *snippet, id=f"{page}-{number}")
        for page, needed in NEEDED.items()
        for number, snippet in enumerate(snippets(page), 1)
    ]


@pytest.mark.parametrize(("needed", "language", "text", "printed"), cases())
def test_a_snippet_prints_what_its_page_says(
    tracker: RealTracker, tmp_path: Path, needed: str, language: str, text: str, printed: str | None
) -> None:
    if importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed here")
    assert run(language, text, url=tracker.url, folder=tmp_path) == (printed or "")
