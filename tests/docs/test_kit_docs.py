"""docs/how-to/test-with-the-kit.md: each snippet runs, and prints what the page says."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.document_runner import blocks

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "test-with-the-kit.md"


def programs() -> list[Any]:
    found = blocks(PAGE)
    return list(zip(found[::2], found[1::2], strict=True))


@pytest.mark.parametrize("number", range(len(programs())))
def test_a_snippet_prints_what_the_page_says(number: int, tmp_path: Path) -> None:
    program, printed = programs()[number]
    assert (program.language, printed.language) == ("python", "text")
    (tmp_path / "my_policy.py").write_text(program.text)
    run = subprocess.run(
        [sys.executable, "my_policy.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=220,  # it computes; a machine that is busy with other things takes its time
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == printed.text


def test_the_page_has_its_programs() -> None:
    assert len(programs()) == 3
