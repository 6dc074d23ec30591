"""status --watch: follows what changes, survives a restart, ends with Ctrl-C."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from api.cli.errors import UnreachableError
from api.cli.tracker_client import TrackerClient
from api.cli.watch import WatchFrame, fit_to_terminal, follow, looks, screen
from tests.helpers.command_line import COMMAND, Commands, command, serving, start, watched
from tests.helpers.plain_http import PLAIN
from tests.helpers.real_tracker import RealTracker, real_tracker
from tracker.core.outcomes import OutcomeKind

__all__ = ["command"]
REFUSING = "http://127.0.0.1:9/v1"


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[RealTracker]:
    with real_tracker(tmp_path) as running:
        yield running


def nothing(_: float) -> None:
    """Instead of a pause."""


def statuses(look: WatchFrame) -> dict[str, str]:
    return {name: one["status"] for name, one in look.document["providers"].items()}


def test_an_unchanged_status_is_requested_by_etag(
    tracker: RealTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = []
    real = httpx.request

    def noting(*args: object, **more: Any) -> httpx.Response:
        response = real(*args, **more)
        codes.append(response.status_code)
        return response

    monkeypatch.setattr(httpx, "request", noting)
    seen = looks(TrackerClient(tracker.url), nothing)
    shown = [next(seen).document]
    while codes[-1] == 200:  # the tracker may still publish what its start has left to say
        shown.append(next(seen).document)
    assert shown[-1] is shown[-2]
    tracker.kinds["groq"] = OutcomeKind.AUTH
    tracker.check("groq")
    assert statuses(next(seen))["groq"] == "degraded"
    assert codes[-2:] == [304, 200]


def test_an_unreachable_tracker_is_reported_until_it_is_back(tmp_path: Path) -> None:
    with real_tracker(tmp_path) as running:
        remote = TrackerClient(running.url)
        seen = looks(remote, nothing)
        first = next(seen)
    away = next(seen)
    assert away.document is first.document
    assert away.complaint is not None
    assert "no tracker answers" in away.complaint


def test_another_server_in_its_place_is_reported_until_the_tracker_is_back(
    tracker: RealTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = looks(TrackerClient(tracker.url), nothing)
    first = next(seen)
    with monkeypatch.context() as patch:
        patch.setattr(httpx, "request", lambda *_, **__: httpx.Response(200, json={}))
        odd = next(seen)
    assert odd.document is first.document
    assert odd.complaint == f"invalid response from the tracker at {tracker.url}"
    back = next(seen)
    assert (back.document, back.complaint) == (first.document, None)


def test_no_tracker_at_the_start_is_an_error() -> None:
    with pytest.raises(UnreachableError, match="no tracker answers"):
        next(looks(TrackerClient("http://127.0.0.1:1"), nothing))


def shown(look: WatchFrame, after: float) -> str:
    at = datetime.fromisoformat(look.document["timestamp"]).astimezone(UTC)
    paper = StringIO()
    Console(width=100, file=paper).print(screen(look, at + timedelta(seconds=after)))
    return paper.getvalue()


def test_the_screen_says_whether_it_is_live(tracker: RealTracker) -> None:
    look = next(looks(TrackerClient(tracker.url), nothing))
    text = shown(look, 0.0)
    assert "● live, as of " in text
    assert [line.split()[0] for line in text.splitlines()[1:4]] == ["groq", "mistral", "together"]
    old = shown(WatchFrame(look.document, "no tracker answers"), 40.0)
    assert "■ not live: " in old
    assert "40 s ago; no tracker answers" in old


@pytest.mark.parametrize("height", [24, 7, 6, 5, 4, 3, 2])
def test_a_low_terminal_shows_the_worst_rows_and_always_whether_it_is_live(
    tracker: RealTracker, height: int
) -> None:
    tracker.kinds["mistral"] = OutcomeKind.AUTH
    tracker.check("mistral")
    look = next(looks(TrackerClient(tracker.url), nothing))
    at = datetime.fromisoformat(look.document["timestamp"])
    terminal = Console(width=70, height=height, file=StringIO(), force_terminal=True)
    with terminal.capture() as drawn:
        terminal.print(fit_to_terminal(look, at, terminal))
    lines = drawn.get().splitlines()
    assert len(lines) <= height
    assert "● live" in lines[-1]
    names = [name for line in lines for name in look.document["providers"] if name in line]
    if len(names) == len(look.document["providers"]):
        assert names == list(look.document["providers"])  # nothing moves where all fit
    else:
        assert names[:1] in ([], ["mistral"])
        left_out = len(look.document["providers"]) - len(names)
        assert sum(int(word) for word in lines[-2].split() if word.isdigit()) == left_out


def test_it_survives_a_restart_and_ends_with_ctrl_c(command: Commands) -> None:
    command.configured(watched("mine", REFUSING))
    with serving(command.folder) as served:
        port = served.url.rsplit(":", 1)[1]
        watching = start(command.folder, "status", "--watch", "--json", "--url", served.url)
        assert watching.stdout is not None
        first = json.loads(watching.stdout.readline())
        assert served.ended().code == 0
    assert watching.stderr is not None
    assert watching.stderr.readline().startswith(f"no tracker answers at {served.url} ")
    with serving(command.folder, "--port", port):
        after = until(watching.stdout.readline, lambda d: d["timestamp"] > first["timestamp"])
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=30)
    assert (watching.returncode, err) == (0, "the tracker answers again\n")
    assert list(after["providers"]) == ["mine"]


def test_a_pipe_gets_a_table_at_each_change_and_when_the_tracker_is_lost(
    command: Commands, tmp_path: Path
) -> None:
    with real_tracker(tmp_path) as running:
        watching = start(command.folder, "status", "--watch", "--url", running.url)
        assert watching.stdout is not None
        while "● live, as of" not in watching.stdout.readline():
            pass
    while "■ not live: as of" not in watching.stdout.readline():
        pass
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=30)
    assert (watching.returncode, err) == (0, "")


@pytest.mark.parametrize("as_json", [False, True])
def test_loss_and_return_of_the_tracker_are_each_reported_once(
    tracker: RealTracker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    answered = iter([True, False, False, True, True])
    # One answer for all: a real tracker may publish a change between two of them.
    response = httpx.get(f"{tracker.url}/api/providers/status", verify=PLAIN)

    def request(*_: object, **__: Any) -> httpx.Response:
        if not (well := next(answered, None)):
            raise KeyboardInterrupt if well is None else httpx.ConnectError("refused")
        return response

    monkeypatch.setattr(httpx, "request", request)
    follow(TrackerClient(tracker.url), as_json=as_json, sleep=nothing)
    out, err = capsys.readouterr()
    if as_json:
        went, back = err.splitlines()
        assert went.startswith(f"no tracker answers at {tracker.url} ")
        # The tracker runs in this process, and may log to the same stdout.
        documents = [line for line in out.splitlines() if line.startswith("{")]
        assert (back, len(documents)) == ("the tracker answers again", 1)
    else:
        footers = [line[:6] for line in out.splitlines() if "as of" in line]
        assert (footers, err) == (["● live", "■ not ", "● live"], "")


def test_on_a_terminal_the_table_is_redrawn_at_each_poll(
    command: Commands, tracker: RealTracker
) -> None:
    ours, theirs = os.openpty()
    environ = {**os.environ, "COLUMNS": "80", "LINES": "24", "TERM": "xterm"}
    process = subprocess.Popen(
        [COMMAND, "status", "--watch", "--url", tracker.url],
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
        env=environ,
        start_new_session=True,
    )
    os.close(theirs)
    drawn = b""
    while drawn.count("● live, as of".encode()) < 2:
        drawn += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    with suppress(OSError):  # the end of a terminal is an error
        while more := os.read(ours, 4096):
            drawn += more
    os.close(ours)
    assert process.wait(30) == 0
    assert b"groq" in drawn
    assert b"Traceback" not in drawn


def until(line: Callable[[], str], fits: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    while True:
        document: dict[str, str] = json.loads(line())
        if fits(document):
            return document
