"""Processes on the real clock: one is killed while it sends, others have bad targets."""

import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.alert_receivers import SECRET, WEBHOOK, Receivers, receivers
from integration.alert_upstreams import Upstreams, upstreams
from integration.programs import environment
from integration.report import expect, insist, say, wait_for
from integration.served import COMMAND, Served, command, served

TOKEN = "sEcr3tT0kenOfATarget"  # is part of the URL of every bad target
PATIENCE = 120.0  # seconds; a message waits 30 s for others of its cause
FILE = """
[tracker]
discover = false
interval_seconds = 2
timeout_seconds = 1
recheck_seconds = [1]

[providers.a]
kind = "openai"
base_url = "{url}"
"""


@contextmanager
def watched() -> Iterator[tuple[Path, Upstreams, Receivers]]:
    """Yield a folder with tracker.toml, its provider, and receivers."""
    with tempfile.TemporaryDirectory() as name, upstreams() as provider, receivers() as told:
        folder = Path(name)
        (folder / "tracker.toml").write_text(FILE.format(url=provider.base_url("a")))
        yield folder, provider, told


def targets(*urls: str) -> dict[str, str]:
    return {
        "PROVIDER_STATUS_ALERTS": "\n".join(urls),
        "PROVIDER_STATUS_ALERT_SECRET": SECRET,
    }


def killed_while_sending() -> str:
    """Kill it (-9) after the message arrived and before that is recorded: the same one comes
    again."""
    with watched() as (folder, provider, told):
        told.hold = threading.Event()
        with served(folder, targets(*told.urls)) as tracker:
            watch_for_a_while(tracker)
            provider.fail("a")
            wait_for("a webhook", lambda: told.of(WEBHOOK), PATIENCE)
            tracker.program.signal(signal.SIGKILL)
        told.hold.set()
        told.hold = None
        with served(folder, targets(*told.urls)) as tracker:
            wait_for("the webhook again", lambda: len(told.of(WEBHOOK)) == 2, PATIENCE)
            wait_for("what is waiting", lambda: not alerts(tracker)["waiting"], PATIENCE)
            first, again = told.of(WEBHOOK)
            expect(again, first, "the message that was sent again")
            expect(told.told_twice(), [], "what was told twice with another key")
            return f"it came again with its key {again.key}"


def bad_targets() -> str:
    """Use unreachable, hanging and failing targets and a good one: only that one gets the message.

    No URL is shown."""
    with watched() as (folder, provider, told), deaf() as silent, receivers() as failing:
        failing.status = 500
        urls = (
            f"json://127.0.0.1:9/{TOKEN}",
            f"webhook+http://127.0.0.1:{silent}/{TOKEN}",
            f"json://127.0.0.1:{silent}/{TOKEN}",
            f"mailto://127.0.0.1:{silent}?from=a@example.org&to=b@example.org&pass={TOKEN}",
            f"webhook+http://127.0.0.1:{failing.http_port}/hook?token={TOKEN}",
            told.urls[0],
        )
        with served(folder, targets(*urls)) as tracker:
            tested = tracker.command("alerts", "test", code=1)
            say("alerts test:\n" + tested.rstrip())
            expect(len(told.of(WEBHOOK)), 1, "test messages at the good target")
            watch_for_a_while(tracker)
            provider.fail("a")
            wait_for("the message", lambda: told.kinds()[1:] == ["incident.opened"], PATIENCE)
            wait_for("attempts", lambda: alerts(tracker)["failed"] >= 7, PATIENCE)
            expect(len(problems(tracker)), 5, "problems in health")
            for problem in problems(tracker):
                say(f"  {problem}")
            shown = everything_shown(tracker) | {"alerts test": tested}
            expect([n for n, text in shown.items() if TOKEN in text], [], "where a URL is shown")
            return f"no target's URL is in: {', '.join(shown)}"


def misspelt() -> str:
    with watched() as (folder, _, _):
        wrong = (f"jsn://127.0.0.1/{TOKEN}", f"slack://{TOKEN}", f"https://example.org/{TOKEN}")
        for words in (("config", "check"), ("serve", "--port", "0")):
            for url in wrong:
                done = subprocess.run(
                    [COMMAND, *words],
                    cwd=folder,
                    env=environment(folder, targets(url)),
                    capture_output=True,
                    text=True,
                    check=False,
                )
                expect(done.returncode, 2, f"the exit code of {words[0]} for a misspelt target")
                insist(TOKEN not in done.stderr + done.stdout, "a misspelt target is not shown")
                say(f"  {words[0]}: {' '.join(done.stderr.split())[:200]}")
        return "refused with exit code 2, and not shown"


def watch_for_a_while(tracker: Served) -> None:
    """Wait for some good checks: what is wrong at the start is announced only after five
    minutes."""
    wait_for("the first sweep", lambda: tracker.http.get("/readyz").is_success, PATIENCE)
    for _ in range(2):
        last = tracker.ask("status/a")["last_check"]
        wait_for("a check", lambda: tracker.ask("status/a")["last_check"] > last, PATIENCE)  # noqa: B023


def alerts(tracker: Served) -> dict[str, int]:
    return dict(tracker.ask("health")["alerts"])


def problems(tracker: Served) -> list[str]:
    return [str(each) for each in tracker.ask("health")["problems"] if "alert target" in each]


def everything_shown(tracker: Served) -> dict[str, str]:
    """Return everything in which a target's URL could appear."""
    pages = ("/", "/plain", "/api/incidents", "/metrics", "/api/providers/health")
    found = {page: tracker.http.get(page).text for page in pages}
    found |= {"status": tracker.ask_text("status"), "log": tracker.program.log.read_text()}
    rows = (tracker.folder / "provider_status.db").read_bytes()
    wal = tracker.folder / "provider_status.db-wal"
    rows += wal.read_bytes() if wal.exists() else b""
    shown = command(tracker.folder, "config", "show")
    return found | {"database": rows.decode("latin-1"), "config show": shown}


@contextmanager
def deaf() -> Iterator[int]:
    """Yield a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


PROCESSES = {
    "killed between sending and noting": killed_while_sending,
    "bad targets": bad_targets,
    "misspelt targets": misspelt,
}
