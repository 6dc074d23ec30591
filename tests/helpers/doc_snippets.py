"""Runs the documentation's code, as a reader would: each block a program of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.real_tracker import REPORT_TOKEN

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "route-with-it"
URL = "http://127.0.0.1:8000"  # the tracker's, in every page
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets(page: str) -> Iterator[tuple[str, str, str | None]]:
    """Each block's language and text, and for code what the page says that it prints."""
    blocks = _BLOCK.findall((PAGES / page).read_text())
    following = [*blocks[1:], ("", "")]
    for (language, text), (kind, output) in zip(blocks, following, strict=True):
        if language in {"python", "console"}:
            yield language, text, output if kind == "text" else None


# An embedded tracker logs in another thread: its lines could come within those that a page prints.
LOGS_APART = (
    "import sys, structlog\n"
    "structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))\n"
)


def run(language: str, text: str, *, url: str, folder: Path) -> str:
    """What it prints; the error, if it fails. ``url`` stands for the pages' tracker."""
    text = text.replace(URL, url)
    script = "\n".join(re.findall(r"^\$ (.*)$", text, re.MULTILINE))
    command = (
        ["bash", "-ec", script]
        if language == "console"
        else [sys.executable, "-c", LOGS_APART + text]
    )
    done = subprocess.run(
        command,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "PROVIDER_STATUS_REPORT_TOKEN": REPORT_TOKEN,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
