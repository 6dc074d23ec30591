"""Compiles what a checkout has never compiled, once and on all processors, before workers start.

pytest rewrites the assertions of each test module, which takes eight seconds of CPU for all of
them. Workers that begin together in a new checkout would each do it for themselves.
"""

import os
import py_compile
import sys
from collections.abc import Sequence
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from _pytest.assertion import rewrite  # nothing public compiles a test without executing it


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
    children = []
    for number in range(shares):
        if not (child := os.fork()):
            try:
                for module in new[number::shares]:
                    _compile(config, module)
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


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
