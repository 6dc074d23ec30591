"""The database after the tracker has ended, compared with the servers' logs."""

import re
import sqlite3
import stat
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from integration.programs import Program
from integration.report import expect, insist, say
from integration.served import Served
from integration.watched import SECRETS, WATCHED

DATABASE = "provider_status.db"
REQUEST = re.compile(r'"(?:GET|POST) /v1/\S+ HTTP/1\.1" \d{3}')  # in uvicorn's access log
QUIET = timedelta(seconds=1.0)


def quiet(tracker: Served) -> bool:
    """Return whether no check is in progress or due, so that the history is complete."""
    found = tracker.ask("status")["providers"].values()
    soon = datetime.now(UTC) + QUIET
    return all(datetime.fromisoformat(provider["next_check"]) > soon for provider in found)


def judge(folder: Path, history: dict[str, Any], servers: dict[str, Program]) -> None:
    """Compare the database with the API and the logs.

    history: each provider's checks as last returned by the API."""
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        expect(database.execute("PRAGMA integrity_check").fetchone(), ("ok",), "integrity")
        rows = database.execute(
            "SELECT provider_name, outcome, http_status FROM checks ORDER BY checked_at_ms"
        ).fetchall()
        shown = database.execute("SELECT count(*) FROM current_status").fetchone()[0]
    expect(shown, len(WATCHED), "rows of current_status")
    told = {name: [p["outcome"] for p in points] for name, points in history.items()}
    kept = {name: [outcome for n, outcome, _ in rows if n == name] for name in told}
    expect(kept, told, "the outcomes in the database, beside the history")
    say(f"the database has every row: {len(rows)} checks, {dict(Counter(o for _, o, _ in rows))}")
    for name, server in servers.items():
        beside_its_log(name, server.log.read_text(), rows)
    mode = stat.S_IMODE((folder / DATABASE).stat().st_mode)
    expect(oct(mode), oct(0o600), "the database's mode")
    without_secrets(folder)


def beside_its_log(name: str, log: str, rows: list[tuple[str, str, int | None]]) -> None:
    """Require that each request in a server's log is a check, or one of `probe`'s.

    A check that timed out may be in the log or not.
    """
    here = {watched.name for watched in WATCHED if watched.at == name}
    answered = sum(1 for n, _, status in rows if n in here and status is not None)
    late = sum(1 for n, outcome, _ in rows if n in here and outcome == "timeout")
    noted = len(REQUEST.findall(log)) - len(here)
    insist(
        answered <= noted <= answered + late,
        f"{name} noted {noted} checks; the database has {answered} answers and {late} timeouts",
    )
    say(f"{name} counted {noted} requests of serve; the database has {answered} answers")


def without_secrets(folder: Path) -> None:
    for file in ("serve.log", DATABASE, "status.csv"):
        text = (folder / file).read_bytes()
        expect([n for n, key in SECRETS.items() if key.encode() in text], [], f"secrets in {file}")
    say("no key or token is in the log, the database or the CSV")
