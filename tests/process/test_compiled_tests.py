"""What compile_new has compiled is what pytest executes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.compiled_tests import compiled

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests.helpers.compiled_tests import compile_new, compiled

def pytest_sessionstart(session):
    modules = [session.config.rootpath / name for name in ("test_one.py", "test_wrong.py")]
    compile_new(session.config, [*modules, session.config.rootpath / "plain.py"])
    (session.config.rootpath / "made").write_text(str(compiled(modules[0]).stat().st_ino))
"""
TEST = """
from pathlib import Path
from tests.helpers.compiled_tests import compiled

def test_it():
    here = Path(__file__)
    made = int(here.with_name("made").read_text())
    assert compiled(here).stat().st_ino == made, "it was compiled again"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is compiled before")
def test_pytest_takes_what_was_compiled_and_reports_what_could_not_be(tmp_path: Path) -> None:
    for name, text in (
        ("conftest.py", CONFTEST),
        ("test_one.py", TEST),
        ("test_wrong.py", "def"),
        ("plain.py", "A = 1"),
        ("pytest.ini", "[pytest]"),
    ):
        (tmp_path / name).write_text(text)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PY")}
    options = ("-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--import-mode=importlib")
    ran = [
        subprocess.run(
            [sys.executable, "-m", "pytest", *options, name],
            cwd=tmp_path,
            env={**environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        for name in ("test_one.py", "test_wrong.py")
    ]
    assert ran[0].returncode == 0, ran[0].stdout
    assert "SyntaxError" in ran[1].stdout
    assert compiled(tmp_path / "plain.py").is_file()
    assert list((tmp_path / ".hypothesis" / "unicode_data").rglob("codec*")), "the Unicode of texts"
    assert not compiled(tmp_path / "test_wrong.py").exists()
