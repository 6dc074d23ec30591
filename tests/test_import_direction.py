"""Imports point one way: every package of tracker and api, every import, without exemption.

Read from the source, so that an import inside a function counts as well.
"""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    str(file.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    for package in ("tracker", "api")
    for file in (ROOT / package).rglob("*.py")
)
# Packages and lone modules from the ground up: each imports only itself and what stands above it.
TRACKER = (
    *(
        "core",
        "models",
        "config",
        "ranking",
        "health",
        "store",
        "probes",
        "reports",
        "alerts",
        "cluster",
    ),
    *("client", "runtime", "replay", "testing", "embedding", "litellm"),
)
API = (
    *("connection_counts", "ranking_filter", "schemas", "http", "exports", "docs_page"),
    *("plain_page", "overview"),
    *("present_answers", "routes"),
)
API_TOP = ("app", "serving", "server", "cli")
# Judgement without a run loop, a network or a disk.
PURE = ("tracker.core", "tracker.models", "tracker.config", "tracker.ranking", "tracker.health")
# Values that wait for a thread or open a file, by their job.
RUN_LOOP = ("tracker.core.slices", "tracker.core.threads", "tracker.core.turns")
EFFECTS = {"trio", "anyio", "httpx", "httpcore", "quart", "hypercorn", "apsw", "sqlite3"}
# A library and the places that may use it.
HOMES = {
    "httpx": ("tracker.probes.http", "tracker.client", "api.cli.tracker_client"),
    "httpcore": ("tracker.probes.http",),
    "apsw": ("tracker.store",),
    "sqlite3": ("tracker.store",),
    "psycopg": ("tracker.cluster",),
    "apprise": ("tracker.alerts",),
    "quart": ("api",),
    "hypercorn": ("api.serving", "api.server"),
}


def path_of(module: str) -> Path:
    file = ROOT / (module.replace(".", "/") + ".py")
    return file if file.exists() else ROOT / module.replace(".", "/") / "__init__.py"


@cache
def imports(module: str) -> frozenset[str]:
    """Return every module it names, except those that only type checkers import."""
    return frozenset(_walk(ast.parse(path_of(module).read_text())))


def _walk(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                assert node.level == 0, "imports are absolute"
                yield str(node.module)
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            case _:
                yield from _walk(node)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def package_of(name: str) -> str | None:
    """The package or lone module below ``tracker`` or ``api``; None for the roots themselves."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else None


def find_imports(rule: Callable[[str, str], bool]) -> set[tuple[str, str]]:
    """The imports (module, what it uses) to which the rule applies."""
    return {(module, used) for module in MODULES for used in imports(module) if rule(module, used)}


@pytest.mark.parametrize(("root", "order"), [("tracker", TRACKER), ("api", (*API, *API_TOP))])
def test_every_module_belongs_to_a_known_package(root: str, order: tuple[str, ...]) -> None:
    packages = {package_of(module) for module in MODULES if within(module, root)} - {None}
    assert packages <= set(order)


@pytest.mark.parametrize(("root", "order"), [("tracker", TRACKER), ("api", (*API, *API_TOP))])
def test_no_package_imports_a_later_one(root: str, order: tuple[str, ...]) -> None:
    def breaks_the_order(module: str, used: str) -> bool:
        if not (within(module, root) and within(used, root)):
            return False
        mine, theirs = package_of(module), package_of(used)
        if mine is None or theirs is None or theirs not in order:
            return False
        return order.index(theirs) > order.index(mine)

    assert find_imports(breaks_the_order) == set()


def test_the_tracker_knows_nothing_of_the_api() -> None:
    assert find_imports(lambda m, used: within(m, "tracker") and within(used, "api")) == set()


@pytest.mark.parametrize("library", HOMES)
def test_a_library_with_effects_is_imported_in_one_place(library: str) -> None:
    users = {module for module, _ in find_imports(lambda _, used: within(used, library))}
    assert {m for m in users if not any(within(m, home) for home in HOMES[library])} == set()


def test_status_and_ranking_rules_are_pure() -> None:
    def has_effects(module: str, used: str) -> bool:
        pure = any(within(module, package) for package in PURE) and module not in RUN_LOOP
        return pure and used.split(".", maxsplit=1)[0] in EFFECTS

    assert find_imports(has_effects) == set()


def test_the_client_uses_only_values_and_names() -> None:
    def is_heavy(module: str, used: str) -> bool:
        if not within(module, "tracker.client"):
            return False
        ours = within(used, "tracker") and package_of(used) not in {"core", "models", "client"}
        return ours or used.split(".", maxsplit=1)[0] in {
            "trio",
            "quart",
            "hypercorn",
            "api",
            "apsw",
        }

    assert find_imports(is_heavy) == set()


def test_only_the_demo_uses_the_test_kit() -> None:
    """Its simulated providers are what the demo shows."""
    users = {
        module
        for module, _ in find_imports(lambda _, used: within(used, "tracker.testing"))
        if not within(module, "tracker.testing")
    }
    assert users == {"api.cli.demo"}
