"""Makes what a new checkout lacks, once and on all processors, before workers start.

pytest rewrites the assertions of each test module, which takes eight seconds of CPU for all of
them, and hypothesis keeps tables of Unicode, three seconds. Workers that begin together in a new
checkout would each do it for themselves.
"""

import os
import py_compile
import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from _pytest.assertion import rewrite  # nothing public compiles a test without executing it
from hypothesis import find
from hypothesis import strategies as st


def compiled(module: Path) -> Path:
    """Return where the compiled form of a module is kept; tests have one of pytest's own."""
    if module.name.startswith("test_") or module.name == "conftest.py":
        return rewrite.get_cache_dir(module) / f"{module.stem}{rewrite.PYC_TAIL}"
    return Path(cache_from_source(str(module)))


def compile_new(config: pytest.Config, modules: Sequence[Path]) -> None:
    """Compile the modules that never were; what has changed since is left to its first import.

    Call it while this process has no other thread: it forks. A module with an error is left out,
    and reported where it is imported.
    """
    new = [module for module in modules if not compiled(module).is_file()]
    if sys.dont_write_bytecode or sys.platform == "win32" or not new:
        return
    shares = os.cpu_count() or 1
    jobs = [partial(_compile_all, config, new[number::shares]) for number in range(shares)]
    children = []
    for job in (draw_text, *jobs):
        if not (child := os.fork()):
            try:
                job()
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def draw_text() -> None:
    """Have hypothesis make its tables of Unicode, which it keeps beside the tests."""
    find(st.text(), lambda _: True)


def _compile_all(config: pytest.Config, modules: Sequence[Path]) -> None:
    for module in modules:
        _compile(config, module)


def _compile(config: pytest.Config, module: Path) -> None:
    target = compiled(module)
    if target == Path(cache_from_source(str(module))):
        py_compile.compile(str(module), quiet=2)
        return
    try:
        digest, code = rewrite._rewrite_test(module, config)
    except SyntaxError:
        return
    target.parent.mkdir(exist_ok=True)
    rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, digest, target)
