"""The README: its commands and snippets run, its links lead somewhere, its table is whole."""

import re
import subprocess
from pathlib import Path

import pytest
import trio
from quart import Quart

from api.app import create_app
from tests.helpers.document_runner import ROOT, blocks, provider_on_loopback, reader
from tracker import Config, run_tracker

README = ROOT / "README.md"


def test_every_command_and_snippet_runs(tmp_path: Path) -> None:
    with provider_on_loopback() as provider, reader(tmp_path, provider) as following:
        following.follow(README)


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 250


def test_the_links_lead_to_files() -> None:
    links = re.findall(r"(?:\]\(|src(?:set)?=\")([^)#\"\s]+)", README.read_text())
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
    assert links


@pytest.mark.needs_program("make")
@pytest.mark.parametrize(
    ("goal", "command"),
    [
        ("run", "/provider-status serve"),
        ("demo", "/provider-status demo"),
        ("docs", "/python -m docs.build"),
    ],
)
def test_make_targets_do_what_the_pages_say(goal: str, command: str) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", goal, "ARGS=--port 0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1].endswith(f"{command} --port 0")


async def test_the_table_of_paths_is_complete(tmp_path: Path, nursery: trio.Nursery) -> None:
    tracker = await nursery.start(run_tracker, Config(database=str(tmp_path / "p.db")))
    paths = served(create_app(tracker))
    tracker.stop()
    table = README.read_text().partition("## HTTP API")[2].partition("\n## ")[0]
    assert {path for path in paths if not shown(path, table)} == set()


def served(app: Quart) -> set[str]:
    rules = {re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    return {rule for rule in rules if not rule.startswith(("/dashboard", "/docs/"))}


def shown(path: str, table: str) -> bool:
    """Whole, or by its end where the beginning stands before it."""
    ends = (path, path.removeprefix("/api/providers"), path.removeprefix("/badge/{name}"))
    return any(f"{end}`" in table for end in ends)


def test_no_block_is_left_out() -> None:
    assert {block.mark for block in blocks(README)} == {""}
