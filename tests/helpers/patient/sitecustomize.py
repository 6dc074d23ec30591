"""Let no program that a test starts meet a latency that a busy machine hides, as in conftest.py.

Python imports this first where its folder is on PYTHONPATH.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

MODULE = "tracker.probes.http.network"


class Finder:
    """Finds that one module and changes its limit once it is loaded."""

    @staticmethod
    def find_spec(name: str, path: Any = None, _target: object = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name == MODULE else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_patiently(module: ModuleType) -> None:
            load(module)
            vars(module)["MOST_UNSURE"] = float("inf")

        vars(spec.loader)["exec_module"] = load_patiently
        return spec


sys.meta_path.insert(0, Finder)
