"""Runs the tests beside this file: LiteLLM's real Router, FastAPI's example, the pages on both."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from integration.environments import LITELLM, ROOT
from integration.programs import environment, expect_loopback_only
from integration.report import expect, insist, say, title

# The root's conftest.py imports hypothesis, which this environment lacks.
QUIETLY = ("-q", "-p", "no:cacheprovider", "--disable-warnings", "--confcutdir=integration")


def test() -> None:
    """Run the tests. Raises UnexpectedError if one fails or is skipped: here nothing may be
    missing."""
    title("The clients, with LiteLLM and FastAPI")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = environment(folder, {"PYTHONDONTWRITEBYTECODE": "1"})
        given["PYTHONPATH"] = os.pathsep.join([str(ROOT), given["PYTHONPATH"]])
        done = subprocess.run(
            [LITELLM.script("python"), "-m", "pytest", *QUIETLY, "integration"],
            cwd=ROOT,
            env=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            sys.stdout.write(done.stdout + done.stderr)
        expect(done.returncode, 0, "the exit code of pytest")
        summary = done.stdout.strip().splitlines()[-1]
        insist(" passed" in summary and "skipped" not in summary, f"all ran: {summary}")
        say(f"pytest: {summary}")
        expect_loopback_only(folder)
