"""Follows a page of the documentation as a reader would: its blocks in order, in one shell.

What a reader types runs as it stands, but for what one machine cannot have twice:

- ``provider-status serve`` and ``demo``, ``make run`` and ``make demo`` run in the background, on
  a free port, until the page ends or starts another;
- http://127.0.0.1:8000 stands for that server, http://127.0.0.1:9999 for a simulated provider;
- ``{NAME}_API_BASE`` of the whole catalogue leads to the simulated provider as well, so that no
  page can reach a real one, whatever keys it sets.

Output is compared with what the page shows, numbers aside; ``…`` stands for anything. A comment
right before a block says what else to do with it:

    file: NAME        the block is this file; a tracker.toml must be a good one
    append: NAME      it goes to the end of this file
    exit: N           the last command ends with this code
    varies            only the first word of each line of output is compared
    answer of: PATH   the JSON has the shape of this answer of the tracker
    not run: WHY      for what cannot be run here
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import attrs
import httpx
import trio

from docs.generate.fill import PART
from tests.helpers.command_line import COMMAND
from tests.helpers.plain_http import PLAIN
from tests.helpers.waiting import GIVE_UP_SECONDS, block_until
from tracker.config import read_config
from tracker.config.catalogue import load_catalogue
from tracker.testing import Quota, simulated_provider

PATIENT = Path(__file__).with_name("patient")  # see its sitecustomize.py
ROOT = Path(__file__).parents[2]
TRACKER = "http://127.0.0.1:8000"
PROVIDER = "http://127.0.0.1:9999"
PATIENCE = 120.0  # seconds a page may take
MARKS = frozenset({"", "file", "append", "exit", "varies", "answer of", "not run"})
SHOWN = frozenset({"text", "nginx"})  # blocks for reading only
OPTIONAL = ("curl", "sqlite3")  # commands that a machine may lack
_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*) -->\n+)?```(?P<language>\S+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# structlog prints to the standard output until a program configures it.
_LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d \S+ \[\w+ *\] .*\n", re.MULTILINE)
_SERVER = re.compile(
    r"^(?:provider-status (?P<verb>serve|demo)|make (?P<goal>run|demo))\b(?P<rest>.*)"
)
_GOALS = {"run": "serve", "demo": "demo"}
_PLAIN = re.compile(r"provider-status [^|&;<>()$`\\#*?~{}!\n\[\]]*")  # nothing is the shell's to do
_LOOK = re.compile(r"provider-status (status|best|history|incidents)\b")  # changes nothing


@attrs.frozen
class Block:
    """mark, value: of the comment before it, split at its first colon."""

    language: str
    text: str
    mark: str = ""
    value: str = ""


def blocks(page: Path) -> list[Block]:
    found = []
    written = PART.sub("", page.read_text(encoding="utf-8"))  # what the code gives is not followed
    for match in _BLOCK.finditer(written):
        mark, _, value = (match["mark"] or "").partition(":")
        found.append(Block(match["language"], match["text"], mark.strip(), value.strip()))
    return found


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, with the output shown for it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        rest = 1
        while rest < len(lines) and lines[rest - 1].rstrip("\n").endswith("\\"):
            rest += 1
        yield "".join(lines[:rest]).rstrip("\n"), "".join(lines[rest:])


@attrs.define
class Reader:
    """One shell in one folder, at work on one page."""

    folder: Path
    provider: str  # URL of the simulated provider
    url: str = ""
    _shell: Any = None
    _forks: bool = False
    _servers: int = 0

    def follow(self, page: Path) -> None:
        """Raises AssertionError where the page does not say what happens."""
        found = blocks(page)
        for block, after in zip(found, [*found[1:], Block("", "")], strict=True):
            where = f"{page.name}: {block.text.strip().splitlines()[0]}"
            shown = after.text if after.language == "text" and not after.mark else ""
            self.do(block, shown, where)

    def do(self, block: Block, shown: str, where: str) -> None:
        assert block.mark in MARKS, f"{where}: nobody knows the mark {block.mark}"
        if block.mark == "not run":
            assert block.value, f"{where}: say why it is not run"
        elif block.mark in {"file", "append"}:
            self.write(block)
        elif block.mark == "answer of":
            answer = httpx.get(self.url + block.value, trust_env=False, verify=PLAIN).json()
            assert_shape(json.loads(block.text), answer, where)
        elif block.language == "console":
            self.type(block, where)
        elif block.language == "python":
            code = self.adapted(block.text)
            output = self.run(f"python -c {quoted(code)}", where)
            assert_output(shown, self.original(_LOG_LINE.sub("", output)), where)
        elif block.language == "toml":
            check_toml(block.text, self.folder)
        else:
            assert block.language in SHOWN, f"{where}: {block.language} is not run; say why"

    def write(self, block: Block) -> None:
        path = self.folder / block.value
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if block.mark == "append" else "w") as file:
            file.write(self.adapted(block.text))
        if path.name == "tracker.toml":
            check_toml(block.text, self.folder)

    def type(self, block: Block, where: str) -> None:
        lines = list(commands(block.text))
        assert lines, f"{where}: a console block without a command"
        for number, (command, shown) in enumerate(lines, 1):
            if (name := command.split()[0]) in OPTIONAL and shutil.which(name) is None:
                continue
            if block.mark != "exit" and (started := _SERVER.match(command)):
                self.serve(started, shown, where)
                continue
            last = number == len(lines)
            code = int(block.value) if block.mark == "exit" and last else 0
            varies, give_up = block.mark == "varies", time.monotonic() + GIVE_UP_SECONDS
            while True:
                output = self.original(self.run(self.adapted(command), where, code))
                try:
                    assert_output(shown, output, where, varies=varies)
                except AssertionError:
                    # Checks may not be so far, or were lost where the tracker had no turn.
                    if not (varies and _LOOK.match(command)) or time.monotonic() > give_up:
                        raise
                    time.sleep(0.2)
                else:
                    break

    def serve(self, started: re.Match[str], shown: str, where: str) -> None:
        """In the background, on a free port; a page has one at a time."""
        self._servers += 1
        out, log = (self.folder / f".server-{self._servers}.{kind}" for kind in ("out", "log"))
        verb = started["verb"] or _GOALS[started["goal"]]
        self.run('[ -z "$SERVER" ] || { kill $SERVER; wait $SERVER; }', where)
        command = f"provider-status {verb} {started['rest']} --port 0 >{out} 2>{log} &"
        self.run(f"{command}\nSERVER=$!", where)
        self.run(f"until [ -s {out} ] || ! kill -0 $SERVER; do sleep 0.05; done", where)
        self.url = out.read_text().strip()
        assert self.url, f"{where}: it did not start: {log.read_text()}"
        self.run(f"export PROVIDER_STATUS_URL={self.url}", where)
        assert_output(shown or "…\n", f"{TRACKER}\n", where)
        wait_until_ready(self.url)

    def run(self, command: str, where: str, code: int = 0) -> str:
        """Standard output and error of a command typed into the shell."""
        if self._forks and _PLAIN.fullmatch(command):
            return self.start(command, where, code)
        self._shell.stdin.write(f"{command}\nprintf '\\n<done %s>\\n' $?\n")
        self._shell.stdin.flush()
        output = ""
        for line in self._shell.stdout:
            output += line
            if done := re.search(r"\n<done (\d+)>\n$", "\n" + output):
                output = output[: -len(done[0])] if done.start() else ""
                assert int(done[1]) == code, f"{where}: {command} ended with {done[1]}: {output}"
                return output.removesuffix("\n") + "\n" if output.strip() else ""
        raise AssertionError(f"{where}: the shell ended, or took more than {PATIENCE} s: {output}")

    def start(self, command: str, where: str, code: int) -> str:
        """Do as ``run`` does for one that needs no shell: it may be forked (forked_start.py)."""
        self.run("env -0 >.exported", where)
        exported = (self.folder / ".exported").read_text()
        environ = dict(entry.split("=", 1) for entry in exported.split("\0") if entry)
        # What the fork server has as well: its folder is ROOT, and no latency is hidden in it.
        del environ["LANG"]
        environ["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            [COMMAND, *shlex.split(command)[1:]],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        output = done.stdout
        assert done.returncode == code, f"{where}: {command} ended with {done.returncode}: {output}"
        return output.removesuffix("\n") + "\n" if output.strip() else ""

    def adapted(self, text: str) -> str:
        return text.replace(TRACKER, self.url or TRACKER).replace(PROVIDER, self.provider)

    def original(self, text: str) -> str:
        """What it says on a machine that has the two ports of the page."""
        text = text.replace(self.url, TRACKER) if self.url else text
        return text.replace(self.provider, PROVIDER)


@contextmanager
def reader(
    folder: Path, provider: str, *, checkout: bool = False, forks: bool = False
) -> Iterator[Reader]:
    """checkout: the folder is a copy of the source, in which a page may change files; forks: what
    needs no shell may be started as a fork, a quarter of the CPU."""
    (folder / ".venv").symlink_to(sys.prefix)  # as `make` leaves it beside the pages
    if checkout:
        copy_source(folder)
    shell = subprocess.Popen(
        ["bash"],
        cwd=folder,
        env=clean_environment(folder, provider),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    timer = threading.Timer(PATIENCE, end, [shell])
    timer.start()
    try:
        assert shell.stdin is not None
        yield Reader(folder=folder, provider=provider, shell=shell, forks=forks)
    finally:
        timer.cancel()
        end(shell)
        shell.communicate()


def end(shell: "subprocess.Popen[str]") -> None:
    """The shell, and the server it may have started."""
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)


def copy_source(folder: Path) -> None:
    """What a contributor changes or runs to add a provider."""
    for package in ("tracker", "api"):
        # With what was compiled, which goes with a copy of the same time; not as it is written.
        ignored = shutil.ignore_patterns("*.pyc.*")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    for name in (
        "tests/__init__.py",
        "tests/helpers/__init__.py",
        "tests/helpers/loopback.py",
        "tests/helpers/recorded_answers.py",
        "tests/tracker/probes/dialects/test_conformance.py",
        "pyproject.toml",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


def clean_environment(folder: Path, provider: str) -> dict[str, str]:
    """No key, no proxy, no tracker of the machine's: only what a page sets itself."""
    entries = [entry for entry in load_catalogue().values() if entry.base_url is not None]
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT), str(PATIENT)]),
        "LANG": "C.UTF-8",
        "COLUMNS": "100",
        **{entry.base_variable: f"{provider}/v1" for entry in entries},
    }


@contextmanager
def provider_on_loopback() -> Iterator[str]:
    """The URL, without its path, of a simulated provider in a thread of its own."""
    url: SimpleQueue[str] = SimpleQueue()
    stop: SimpleQueue[Callable[[], None]] = SimpleQueue()

    async def main() -> None:
        with trio.CancelScope() as scope:
            token = trio.lowlevel.current_trio_token()
            stop.put(partial(token.run_sync_soon, scope.cancel))
            async with simulated_provider("simulated", quota=Quota()) as provider:
                url.put(provider.base_url.removesuffix("/v1"))
                await trio.sleep_forever()

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    try:
        yield url.get(timeout=GIVE_UP_SECONDS)
    finally:
        stop.get()()
        thread.join()


def wait_until_ready(url: str) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=GIVE_UP_SECONDS, verify=PLAIN) as http:
        block_until(lambda: http.get("/readyz").status_code == 200)


def check_toml(text: str, folder: Path) -> None:
    """Raises ConfigError where it is no good tracker.toml."""
    path = folder / ".checked.toml"
    path.write_text(text)
    environ = {
        "READ_TOKEN": "a" * 16,
        "PROVIDER_STATUS_ADMIN_TOKEN": "b" * 16,
        "PROVIDER_STATUS_POSTGRES": "postgresql://status@127.0.0.1/status",
    }
    read_config(path, environ, dotenv=None)


def assert_output(shown: str, output: str, where: str, *, varies: bool = False) -> None:
    read = first_words if varies else plain
    pattern = "".join(map(line_pattern, read(shown)))
    assert re.fullmatch(pattern, "".join(f"{line}\n" for line in read(output))), (
        f"{where}: the page shows\n{shown}\nit prints\n{output}"
    )


def plain(text: str) -> list[str]:
    """Its lines without what differs from run to run: numbers, and the blanks that go with them.

    A busy machine knows no latency of a check: the dash stands for milliseconds.
    """
    numberless = (re.sub(r"\d+([.,:]\d+)*", "0", line) for line in text.splitlines())
    lines = (re.sub(r"(?<!\S)–(?!\S)", "0 ms", line) for line in numberless)
    return [stripped for line in lines if (stripped := " ".join(line.split()))]


def line_pattern(line: str) -> str:
    if line == "…":
        return r"(?:[^\n]*\n)*"
    return re.escape(line).replace("…", r"[^\n]*") + "\n"


def first_words(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if line.strip() and line[0] != " "]


def assert_shape(shown: Any, answer: Any, where: str) -> None:
    """Every field shown is in the answer with a value of its type; null goes with anything."""
    if isinstance(shown, dict):
        assert isinstance(answer, dict), where
        for name, value in shown.items():
            assert name in answer, f"{where}: no field {name}"
            assert_shape(value, answer[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(answer, list):
        if shown and answer:
            assert_shape(shown[0], answer[0], f"{where}[0]")
    elif None not in (shown, answer):
        kinds = (int, float) if isinstance(shown, int | float) else (type(shown),)
        assert isinstance(answer, kinds), f"{where}: {answer!r}"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
