"""The tracker as a process that is killed and restarted while it tells of an outage."""

import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs

from integration.alert_receivers import MAIL, SECRET, SERVICE, WEBHOOK, Receivers, receivers
from integration.alert_trials import OPENED, RESOLVED
from integration.programs import environment
from integration.report import expect, insist, say, wait_for
from integration.served import COMMAND, Served, served

TOKEN = "sEcr3tT0kenOfATarget"  # stands in the URL of a target that is gone
PATIENCE = 120.0  # seconds; a message waits 30 s for others of its cause
QUIET_SECONDS = 15.0
FILE = """
[tracker]
discover = false
interval_seconds = 2
timeout_seconds = 1
recheck_seconds = [1]

[providers.a]
kind = "openai"
base_url = "http://127.0.0.1:{port}/v1"
"""
MODELS = b'{"object":"list","data":[{"id":"m","object":"model"}]}'


@attrs.define
class Upstream:
    status: int = 200


def play() -> None:
    """Raises UnexpectedError at the first thing that is not as promised."""
    with tempfile.TemporaryDirectory() as name, upstream() as (provider, port), receivers() as told:
        folder = Path(name)
        (folder / "tracker.toml").write_text(FILE.format(port=port))
        variables = targets(*told.urls)
        misspelt(folder)
        killed_while_sending(folder, variables, provider, told)
        restarted(folder, variables, provider, told)
        gone(folder, provider)
        say(f"received: {told.counts()}; keys: {len({each.key for each in told.of(WEBHOOK)})}")


def targets(*urls: str) -> dict[str, str]:
    return {
        "PROVIDER_STATUS_ALERTS": "\n".join(urls),
        "PROVIDER_STATUS_ALERT_SECRET": SECRET,
    }


def killed_while_sending(
    folder: Path, variables: dict[str, str], provider: Upstream, told: Receivers
) -> None:
    """kill -9 after the message arrived and before that is noted: it comes again, the same."""
    told.hold = threading.Event()
    with served(folder, variables) as tracker:
        watch_for_a_while(tracker)
        provider.status = 500
        wait_for("a webhook", lambda: told.of(WEBHOOK), PATIENCE)
        tracker.program.signal(signal.SIGKILL)
    told.hold.set()
    told.hold = None
    with served(folder, variables) as tracker:
        wait_for("the webhook again", lambda: len(told.of(WEBHOOK)) == 2, PATIENCE)
        wait_for("what is waiting", lambda: not alerts(tracker)["waiting"], PATIENCE)
        first, again = told.of(WEBHOOK)
        expect(again, first, "the message that was sent again")
        say(f"killed between sending and noting: came again with its key {again.key}")
        tracker.program.stop()


def restarted(folder: Path, variables: dict[str, str], provider: Upstream, told: Receivers) -> None:
    """A restart during the outage tells nothing; its end is told once."""
    before = len(told.messages)
    with served(folder, variables) as tracker:
        wait_for("a provider that is down", lambda: is_status(tracker, "down"), PATIENCE)
        time.sleep(QUIET_SECONDS)
        expect(len(told.messages), before, "messages after a restart during the outage")
        provider.status = 200
        wait_for("the end", lambda: told.kinds()[-1] == RESOLVED, PATIENCE)
        wait_for("what is waiting", lambda: not alerts(tracker)["waiting"], PATIENCE)
        say(f"a restart during the outage: {alerts(tracker)}")
    expect(told.kinds(), [OPENED, OPENED, RESOLVED], "what the webhook was told")
    expect(told.told_twice(), [], "what was told twice with another key")
    for channel in (MAIL, SERVICE):
        insist(len(told.of(channel)) in {2, 3}, f"{channel}: once, or again after the kill")


def gone(folder: Path, provider: Upstream) -> None:
    """A target that is gone is a problem in health; its URL is shown nowhere."""
    with served(folder, targets(f"json://127.0.0.1:9/{TOKEN}")) as tracker:
        watch_for_a_while(tracker)
        provider.status = 500
        problem = wait_for("a problem in health", lambda: alert_problem(tracker), PATIENCE)
        shown = [problem, tracker.ask_text("status"), tracker.http.get("/api/incidents").text]
        shown += [tracker.http.get("/metrics").text, tracker.program.log.read_text()]
        insist(all(TOKEN not in text for text in shown), "no target's URL is shown")
        say(f"a target that is gone: {problem}")
        tracker.program.stop()


def misspelt(folder: Path) -> None:
    done = subprocess.run(
        [COMMAND, "config", "check"],
        cwd=folder,
        env=environment(folder, targets(f"jsn://127.0.0.1/{TOKEN}", f"slack://{TOKEN}")),
        capture_output=True,
        text=True,
        check=False,
    )
    expect(done.returncode, 2, "the exit code for misspelt targets")
    insist(TOKEN not in done.stderr, "a misspelt target is not shown")
    say(f"misspelt targets: {' '.join(done.stderr.split())}")


def watch_for_a_while(tracker: Served) -> None:
    """What is wrong at the start is told after five minutes only: let some checks be well."""
    wait_for("the first sweep", lambda: tracker.http.get("/readyz").is_success, PATIENCE)
    for _ in range(2):
        last = tracker.ask("status/a")["last_check"]
        wait_for("a check", lambda: tracker.ask("status/a")["last_check"] > last, PATIENCE)  # noqa: B023


def is_status(tracker: Served, status: str) -> bool:
    return bool(tracker.ask("status/a")["status"] == status)


def alerts(tracker: Served) -> dict[str, int]:
    return dict(tracker.ask("health")["alerts"])


def alert_problem(tracker: Served) -> str | None:
    problems = tracker.ask("health")["problems"]
    return next((str(each) for each in problems if "alert target" in each), None)


@contextmanager
def upstream() -> Iterator[tuple[Upstream, int]]:
    """A provider on loopback that answers what it is told to."""
    state = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(state.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(MODELS)))
            self.end_headers()
            self.wfile.write(MODELS)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield state, server.server_port
    finally:
        server.shutdown()
        server.server_close()
