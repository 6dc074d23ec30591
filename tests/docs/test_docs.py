"""The documentation: every page is followed, command by command, and the site builds strictly."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import PARTS
from docs.generate.fill import PART, fill, pages
from tests.helpers.document_runner import (
    ROOT,
    Block,
    assert_output,
    assert_shape,
    blocks,
    clean_environment,
    commands,
    provider_on_loopback,
    reader,
)
from tests.helpers.made_once import made_once
from tracker.config import read_config
from tracker.config.catalogue import load_catalogue

DOCS = ROOT / "docs"
FOLDERS = ("how-to", "reference", "explanation")
# Followed by test_kit_docs.py: its programs take longer than a page may.
ELSEWHERE = frozenset({"how-to/test-with-the-kit.md"})
PAGES = tuple(
    name
    for path in (DOCS / "tutorial.md", *(p for f in FOLDERS for p in (DOCS / f).glob("*.md")))
    if (name := str(path.relative_to(DOCS))) not in ELSEWHERE and blocks(path)
)
CHANGE_THE_SOURCE = frozenset({"how-to/add-a-provider.md", "how-to/add-a-dialect.md"})
FETCHED = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="([^"]+)"')


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with provider_on_loopback() as url:
        yield url


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed(page: str, provider: str, tmp_path: Path) -> None:
    checkout = page in CHANGE_THE_SOURCE  # a fork would have the source as it was
    with reader(tmp_path, provider, checkout=checkout, forks=not checkout) as following:
        following.follow(DOCS / page)  # raises what does not go as the page says


@pytest.mark.parametrize("page", ["how-to/deploy.md", "how-to/reverse-proxy.md"])
def test_nginx_passes_on_the_port_so_that_changes_are_same_site(page: str) -> None:
    [snippet] = re.findall(r"```nginx\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert "proxy_set_header Host $http_host;" in snippet


def test_blocks_that_are_not_run_are_few_and_say_why() -> None:
    found = [(page, block) for page in PAGES for block in blocks(DOCS / page)]
    left_out = [(page, block.value) for page, block in found if block.mark == "not run"]
    assert [page for page, why in left_out if not why] == []
    assert {page for page, _ in left_out} <= {
        *("reference/database.md", "reference/python-client.md", "how-to/deploy.md"),
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as ``make docs`` does, every warning an error."""
    pytest.importorskip("sphinx", reason="sphinx, myst-parser and furo are not installed")
    return made_once(tmp_path_factory, "site", build_site) / "html"


def build_site(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.build", "--output", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_site_has_every_page(site: Path) -> None:
    sources = (p.relative_to(DOCS) for p in DOCS.rglob("*.md") if "_build" not in p.parts)
    assert [page for page in sources if not (site / page).with_suffix(".html").is_file()] == []


def test_the_site_loads_nothing_from_another_host(site: Path) -> None:
    loaded = {url for page in site.rglob("*.html") for url in FETCHED.findall(page.read_text())}
    assert {url for url in loaded if url.startswith(("http:", "https:", "//"))} == set()
    assert any(".css" in url for url in loaded)
    styles = "".join(sheet.read_text() for sheet in site.rglob("*.css"))
    assert re.findall(r"url\(['\"]?(?:https?:)?//[^)]*\)|@import[^;]*//[^;]*", styles) == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("http-api", ("GET /api/providers/best", "PATCH /api/providers/{name}", "valid_until")),
        ("command-line", ("provider-status serve", "provider-status tune", "--log-format")),
        ("configuration", ("failures_to_down", "allow_private", "switch_margin_ms", "root_path")),
        ("catalogue", ("GEMINI_CLI_PROJECT_ID", "G4F_GROK_API_BASE", "recorded shapes only")),
        ("outcomes", ("quota_exhausted", "blocked by a firewall", "unchanged", "529")),
        ("metrics", ("probe_success", "llm_provider_probes_total", "llm_tracker_up")),
        ("database", ("current_status", "provider_states", "readable_checks")),
    ],
)
def test_the_reference_comes_from_the_code(site: Path, page: str, words: tuple[str, ...]) -> None:
    text = (site / "reference" / f"{page}.html").read_text()
    shown = re.sub(r"<[^>]*>", "", text)
    assert [word for word in words if word not in shown] == []


def test_the_site_has_every_generated_part_as_the_code_gives_it() -> None:
    stale = [page.name for page in pages() if fill(text := page.read_text()) != text]
    assert stale == [], "make reference renews them"
    asked = {name for page in pages() for name in PART.findall(page.read_text())}
    assert asked == set(PARTS)


class TestTheRunner:
    """What would make every page pass."""

    def test_it_finds_blocks_with_their_marks(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text("<!-- exit: 1 -->\n```console\n$ false\n```\n\n```text\nx\n```\n")
        assert blocks(page) == [
            Block("console", "$ false\n", "exit", "1"),
            Block("text", "x\n"),
        ]

    def test_it_takes_commands_apart(self) -> None:
        assert list(commands("$ a \\\n  b\nout\n$ c\n")) == [("a \\\n  b", "out\n"), ("c", "")]

    @pytest.mark.parametrize(
        ("shown", "printed"),
        [
            ("ok\n", ""),
            ("", "ok\n"),
            ("healthy in 10 ms\n", "down in 10 ms\n"),
            ("first\n…\nlast\n", "first\nmiddle\n"),
            ("a … c\n", "a b d\n"),
            ("healthy 10 ms\n", "healthy -\n"),
        ],
    )
    def test_different_output_is_reported(self, shown: str, printed: str) -> None:
        with pytest.raises(AssertionError, match="the page shows"):
            assert_output(shown, printed, "here")

    def test_numbers_and_what_an_ellipsis_stands_for_may_differ(self) -> None:
        assert_output("at 10:20 in 1.5 ms\n…\nb…\n", "at 11:21 in 90 ms\nx\ny\nbcd\n", "here")

    def test_an_unknown_latency_on_a_busy_machine_is_accepted(self) -> None:
        assert_output("healthy  ok  185 ms\n", "healthy  ok       –\n", "here")

    def test_no_latency_is_hidden_by_a_busy_machine(self, tmp_path: Path) -> None:
        code = "from tracker.probes.http import network; print(network.MOST_UNSURE)"
        environ = clean_environment(tmp_path, "http://127.0.0.1:9")
        done = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
        )
        assert float(done.stdout) == float("inf")

    def test_no_page_can_reach_a_real_provider(self, tmp_path: Path) -> None:
        environ = clean_environment(tmp_path, "http://127.0.0.1:9")
        entries = load_catalogue().values()
        keys = {name for e in entries for name in (*e.keys, *e.required.values())}
        (tmp_path / "empty.toml").touch()
        config = read_config(
            tmp_path / "empty.toml", environ | dict.fromkeys(keys, "k"), dotenv=None
        )
        assert {p.base_url for p in config.providers} == {"http://127.0.0.1:9/v1"}
        assert all(p.moved for p in config.providers)
        assert len(config.providers) == sum(e.base_url is not None for e in entries)

    def test_an_unknown_mark_is_reported(self, tmp_path: Path, provider: str) -> None:
        page = tmp_path / "page.md"
        page.write_text("<!-- not tun: why -->\n```console\n$ true\n```\n")
        with reader(tmp_path, provider) as following, pytest.raises(AssertionError, match="mark"):
            following.follow(page)

    def test_for_varying_output_only_the_first_words_count(self) -> None:
        assert_output("name x\na 1\n  more\n…\n", "name y\na 2\nb 3\n", "here", varies=True)
        with pytest.raises(AssertionError, match="the page shows"):
            assert_output("name x\nb 1\n", "name y\na 2\n", "here", varies=True)

    @pytest.mark.parametrize(
        ("shown", "answer"), [({"a": 1}, {}), ({"a": 1}, {"a": "x"}), ([{"a": 1}], [{"b": 1}])]
    )
    def test_another_shape_is_reported(self, shown: object, answer: object) -> None:
        with pytest.raises(AssertionError):
            assert_shape(shown, answer, "here")

    def test_a_failing_command_is_reported(self, tmp_path: Path, provider: str) -> None:
        page = tmp_path / "page.md"
        page.write_text("```console\n$ false\n```\n")
        with (
            reader(tmp_path, provider) as following,
            pytest.raises(AssertionError, match="ended with 1"),
        ):
            following.follow(page)
