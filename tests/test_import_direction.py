"""Imports point one way: read from the source, so that a lazy import counts as well."""

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
# From the ground up; a module may import what stands in its own row or above it.
LAYERS = (
    ("tracker.core.clock", "tracker.core.redaction", "tracker.core.threads"),
    ("tracker.core.outcomes", "tracker.settings", "tracker.config.errors", "tracker.limits"),
    ("tracker.snapshot", "tracker.health.estimates", "tracker.core.backoff", "tracker.schedule"),
    (
        "tracker.health.rolling_statistics",
        "tracker.health",
        "tracker.health.forecast",
        "tracker.ranking",
    ),
    ("tracker.health.status_rules",),
    ("tracker.store",),
    ("tracker.board", "tracker.health.provider_state", "tracker.health.rate_limit_state"),
    ("tracker.runtime.aggregator",),
    ("tracker.runtime.tracker", "tracker.runtime.service", "tracker.runtime.supervisor"),
    ("tracker.reload",),
    ("api",),
    ("api.cli",),
)
# Judgement without a run loop, a network or a disk.
PURE = (
    *(
        "tracker.health",
        "tracker.health.status_rules",
        "tracker.health.rolling_statistics",
        "tracker.schedule",
    ),
    *("tracker.core.backoff",),
    *(
        "tracker.health.forecast",
        "tracker.limits",
        "tracker.health.estimates",
        "tracker.health.rate_limit_state",
    ),
    *("tracker.ranking", "tracker.health.provider_state", "tracker.overrides", "tracker.settings"),
    *("tracker.core.outcomes", "tracker.snapshot", "tracker.core.redaction", "tracker.core.clock"),
    *(
        "tracker.config",
        "tracker.config.errors",
        "tracker.config.environment",
        "tracker.config.catalogue",
    ),
)
SQLITE = {"apsw", "sqlite3"}
# settings.Config.load is a way in for embedding programs, resolved when it is called.
UPWARD = {("tracker.settings", "tracker.config")}


def path_of(module: str) -> Path:
    file = ROOT / (module.replace(".", "/") + ".py")
    return file if file.exists() else ROOT / module.replace(".", "/") / "__init__.py"


@cache
def imports(module: str) -> frozenset[str]:
    """Every module it names, but those that only type checkers import."""
    return frozenset(_named(ast.parse(path_of(module).read_text())))


def _named(tree: ast.AST) -> Iterator[str]:
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
                yield from _named(node)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def layer(module: str) -> int | None:
    """The highest row that names it: api.cli stands above api."""
    rows = [n for n, row in enumerate(LAYERS) if any(within(module, name) for name in row)]
    return max(rows, default=None)


def test_there_is_something_to_test() -> None:
    assert {"tracker.runtime.service", "api.server", "api.cli", "tracker.config.load"} <= set(
        MODULES
    )
    assert {"trio", "tracker.runtime.tracker.Tracker"} <= imports("tracker.runtime.service")
    assert "tracker.config" in imports("tracker.settings")  # inside a function


@pytest.mark.parametrize("name", sorted({*PURE, *(name for row in LAYERS for name in row)}))
def test_the_rules_name_what_exists(name: str) -> None:
    assert name in MODULES


def test_the_tracker_knows_nothing_of_the_api() -> None:
    assert who(lambda module, used: within(module, "tracker") and within(used, "api")) == set()


def test_only_the_command_line_is_above_the_api() -> None:
    lower = who(lambda module, used: not within(module, "api.cli") and within(used, "api.cli"))
    assert lower == set()


def test_only_probes_and_clients_speak_http() -> None:
    speakers = {module for module, _ in who(lambda _, used: within(used, "httpx"))}
    homes = ("tracker.probes", "tracker.client", "api.cli.tracker_client")
    assert {m for m in speakers if not any(within(m, home) for home in homes)} == set()
    assert "tracker.probes.http.fetch" in speakers


def test_only_the_store_knows_sqlite() -> None:
    knowing = {module for module, _ in who(lambda _, used: used.split(".")[0] in SQLITE)}
    assert {m for m in knowing if not within(m, "tracker.store")} == set()
    assert "tracker.store.connection" in knowing


def test_judgement_is_pure() -> None:
    banned = {"trio", "anyio", "httpx", "quart", "hypercorn", *SQLITE}
    found = who(
        lambda module, used: (
            any(within(module, pure) for pure in PURE) and used.split(".")[0] in banned
        )
    )
    assert found == set()


def test_the_client_needs_nothing_of_the_server() -> None:
    banned = {"trio", "quart", "hypercorn", "api", *SQLITE}
    found = who(lambda m, used: within(m, "tracker.client") and used.split(".")[0] in banned)
    assert found == set()


def test_no_layer_imports_from_above() -> None:
    def upward(module: str, used: str) -> bool:
        mine, theirs = layer(module), layer(used)
        return mine is not None and theirs is not None and theirs > mine

    assert {pair for pair in who(upward) if pair not in UPWARD} == set()


def test_the_running_tracker_has_no_test_kit() -> None:
    """Its demo is the one use: simulated providers are what it shows."""
    users = {
        module
        for module, _ in who(lambda _, used: within(used, "tracker.testing"))
        if not within(module, "tracker.testing")
    }
    assert users == {"api.cli.demo"}


def who(rule: Callable[[str, str], bool]) -> set[tuple[str, str]]:
    """The imports (module, what it uses) to which the rule applies."""
    return {(module, used) for module in MODULES for used in imports(module) if rule(module, used)}
