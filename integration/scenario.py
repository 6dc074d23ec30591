"""Two servers with faults, and the tracker that watches them: each step is checked."""

import json
import signal
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from integration import records
from integration.programs import Program, ended, expect_loopback_only
from integration.report import expect, insist, say, title, wait_for
from integration.served import Served, command, served
from integration.servers import fakellm, litellm
from integration.watched import OFTEN, WATCHED, config

CSV_COLUMNS = (
    "provider_name,status,response_time_ms,uptime_percent,"
    "rate_limit_percent,last_check_timestamp,consecutive_failures"
)
SERVER_OF = {watched.name: watched.at for watched in WATCHED}
WELL = {watched.name for watched in WATCHED if watched.well}
OUTCOMES = {watched.name: watched.outcome for watched in WATCHED}


def play() -> None:
    """Run the scenario. Raises UnexpectedError at the first deviation."""
    title("The tracker and two servers")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        servers = {program.name: program for program in (fakellm(folder), litellm(folder))}
        with ended(*servers.values()):
            for program in servers.values():
                say(f"{program.name} answers {program.start_serving():.1f} s after its start")
            configure(folder, servers)
            probe_once(folder)
            with served(folder) as tracker:
                watch(tracker, servers)
            expect_loopback_only(folder)


def configure(folder: Path, servers: dict[str, Program]) -> None:
    addresses = {name: program.address for name, program in servers.items()}
    (folder / "tracker.toml").write_text(config(addresses))
    command(folder, "config", "check")
    say(f"config check: tracker.toml is valid, {len(WATCHED)} providers")


def probe_once(folder: Path) -> None:
    found = json.loads(command(folder, "probe", "--json"))["providers"]
    expect(outcomes(found), OUTCOMES, "what `probe` concludes")
    say("probe: one check of each, exit 0")


def watch(tracker: Served, servers: dict[str, Program]) -> None:
    first_sweep(tracker)
    name = best(tracker)
    stop_and_return(tracker, name, servers[SERVER_OF[name]])
    freeze_and_thaw(tracker, name, servers[SERVER_OF[name]])
    check_now(tracker)
    ask_the_past(tracker)
    the_wrong_key_was_tried_once(tracker)
    end(tracker, servers)


def first_sweep(tracker: Served) -> None:
    began = time.monotonic()
    wait_for("readyz", lambda: tracker.http.get("/readyz").status_code == 200, OFTEN)
    say(f"the first sweep is done {time.monotonic() - began:.1f} s later:")
    found = tracker.ask("status")["providers"]
    for name, provider in found.items():
        told = provider["error_message"] or f"{provider['response_time_ms']} ms"
        say(f"  {name}: {provider['status']}, {provider['outcome']}: {told}")
    expect(outcomes(found), OUTCOMES, "what the first sweep concludes")
    expect(
        {name for name, provider in found.items() if provider["status"] == "healthy"},
        WELL,
        "who is healthy",
    )
    refused = found["litellm-wrong-key"]
    expect((refused["authenticated"], refused["usable"]), (False, False), "a refused key")
    expect(found["litellm-chat"]["inference"], True, "a completion proves inference")
    expect(found["litellm"]["inference"], None, "a model list proves no inference")


def best(tracker: Served) -> str:
    document = tracker.ask("best")
    name = document["best_provider"]
    insist(name in WELL, f"best is one of the well, not {name}")
    say(f"best: {name}: {document['reason']}")
    expect(json.loads(tracker.command("best", "--json"))["best_provider"], name, "CLI best")
    return str(name)


def stop_and_return(tracker: Served, name: str, server: Program) -> None:
    code, seconds = server.stop()
    say(f"{server.name} is stopped (SIGTERM, ended after {seconds:.1f} s with {code})")
    seen = tracker.follow(name, lambda now: now.status == "down", OFTEN + 20.0)
    expect(
        [*changes((s.status, s.failures) for s in seen)],
        [("healthy", 0), ("degraded", 1), ("degraded", 2), ("down", 3)],
        f"the way of {name}",
    )
    expect({s.outcome for s in seen if s.failures}, {"connect"}, "what its checks found")
    failing = [next(s for s in seen if s.failures == n) for n in (1, 2, 3)]
    insist(failing[0].best != name, "best moves with the first failure")
    insist(SERVER_OF[seen[-1].best or ""] != server.name, "best is on the other server")
    took = failing[2].seconds - failing[0].seconds
    insist(took <= 15.0, f"down within 15 s of the first failure, not {took:.1f} s")
    say(f"{name} was down {took:.1f} s after its first failure; best moved at that failure")
    expect(json.loads(tracker.command("best", "--json"))["best_provider"], seen[-1].best, "best")

    say(f"{server.name} answers {server.start_serving():.1f} s after its second start")
    seen = tracker.follow(name, lambda now: now.status == "healthy", 2 * OFTEN + 5.0)
    expect([*changes(s.status for s in seen)], ["down", "degraded", "healthy"], "its way back")


def freeze_and_thaw(tracker: Served, name: str, server: Program) -> None:
    server.signal(signal.SIGSTOP)
    say(f"{server.name} is frozen (SIGSTOP): it accepts connections and answers nothing")
    seen = tracker.follow(name, lambda now: now.failures > 0, OFTEN + 10.0)
    expect((seen[-1].status, seen[-1].outcome), ("degraded", "timeout"), f"{name}, frozen")
    server.signal(signal.SIGCONT)
    say(f"{server.name} continues (SIGCONT)")
    seen = tracker.follow(name, lambda now: now.status == "healthy", OFTEN + 5.0)
    expect([*changes(s.status for s in seen)], ["degraded", "healthy"], f"{name}, going on")


def check_now(tracker: Served) -> None:
    asked = tracker.http.post("/api/providers/fakellm/check").status_code
    expect(asked, 401, "the answer to a check without the admin token")
    outcome = tracker.check_now("fakellm")
    expect(outcome["outcome"], "ok", "a check on request")
    last = tracker.ask("status/fakellm")["last_check"]
    expect(last, outcome["checked_at"], "the status after a check on request")
    say(f"fakellm was checked on request: {outcome['response_time_ms']} ms, in the status at once")


def ask_the_past(tracker: Served) -> None:
    history = tracker.ask("history", hours=1, resolution="raw")["providers"]
    counts = {name: len(points) for name, points in history.items()}
    expect(set(counts), set(OUTCOMES), "who has a history")
    seen = {name: p["checks_24h"] for name, p in tracker.ask("status")["providers"].items()}
    behind = {name: n for name, n in counts.items() if not seen[name] - 1 <= n <= seen[name]}
    expect(behind, {}, "histories without every check")
    lines = tracker.ask_text("export/csv").splitlines()
    expect(lines[0], CSV_COLUMNS, "the CSV's columns")
    expect({line.split(",")[0] for line in lines[1:]}, set(OUTCOMES), "the CSV's rows")
    say(f"history: {sum(counts.values())} checks; CSV: {len(lines) - 1} rows and its header")
    shown = tracker.command("status")
    expect([name for name in OUTCOMES if name not in shown], [], "missing in `status`")
    points = json.loads(tracker.command("history", "litellm", "--hours", "1", "--json"))
    insist(len(points["providers"]["litellm"]) >= counts["litellm"], "`history litellm` has all")
    exported = tracker.folder / "status.csv"
    tracker.command("export", "--output", exported)
    expect(exported.read_text().splitlines()[0], CSV_COLUMNS, "what `export` writes")
    say("status, best, history and export answer on the command line, exit 0")


def the_wrong_key_was_tried_once(tracker: Served) -> None:
    """Require that a refused key is not re-checked early, while other failures are."""
    checks = {n: p["checks_24h"] for n, p in tracker.ask("status")["providers"].items()}
    expect(checks["litellm-wrong-key"], 1, "checks with the wrong key")
    insist(checks["fakellm-list"] > 3, "a failure of another kind is checked again early")
    say(f"the wrong key was tried once, the missing list {checks['fakellm-list']} times")


def end(tracker: Served, servers: dict[str, Program]) -> None:
    wait_for("a moment without a check", lambda: records.quiet(tracker), OFTEN)
    history = tracker.ask("history", hours=1, resolution="raw")["providers"]
    code, seconds = tracker.program.stop()
    expect(code, 0, "the exit code of serve after SIGTERM")
    insist(seconds < 5.0, f"serve ends within 5 s, not {seconds:.1f} s")
    say(f"serve ended {seconds:.2f} s after SIGTERM with exit code 0")
    for program in servers.values():
        program.stop()
    records.judge(tracker.folder, history, servers)


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {name: provider["outcome"] for name, provider in found.items()}


def changes(values: Iterable[object]) -> Iterable[object]:
    before: object = None
    for value in values:
        if value != before:
            yield value
        before = value
