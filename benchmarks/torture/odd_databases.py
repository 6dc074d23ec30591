"""Databases that no version of this program wrote, each under a real server.

It must start, answer every question without a 5xx that nobody promised, say in its health what it
cannot use, and end with 0.
"""

import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import httpx
import trio

from benchmarks.torture.flips import row
from benchmarks.torture.report import Outcome
from benchmarks.torture.served import Served, served
from tracker.store import open_store
from tracker.testing import simulated_provider

LANES = 4  # servers at a time
PROVIDER = "a"
ASKED = (
    "/livez",
    "/readyz",
    "/api/providers/status",
    f"/api/providers/status/{PROVIDER}",
    "/api/providers/best",
    "/api/providers/history?hours=24",
    "/api/providers/history?hours=24&resolution=raw",
    f"/api/providers/history/{PROVIDER}?hours=168&resolution=3600",
    "/api/providers/changes?hours=24",
    "/api/incidents?hours=24",
    "/api/maintenance",
    "/api/models",
    "/api/providers/traffic",
    "/api/providers/export/csv",
    "/api/providers/health",
    "/metrics",
    "/",
)
# 503 while there is no database, or a busy machine made a check too slow.
MAY_BE_AWAY = ("/history", "/changes", "/incidents", "/traffic", "/best", "/readyz")
LINE = {"provider": PROVIDER, "outcome": "ok", "latency_ms": 12.5}
COLUMNS = (
    "id, provider_name, checked_at_ms, status, outcome, response_time_ms, interval_seconds, "
    "error_message, consecutive_failures, rate_limit_percent, completions"
)
GOOD = "9999,'a',unixepoch()*1000-60000,'healthy','ok',5.0,300.0,'',0,0.0,0"
Change = Callable[[Path], None]


def run_script(script: str) -> Change:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)

    return change


def insert_loosely(script: str) -> Change:
    """Run it while no column has a type or a NOT NULL; then the schema is put back as it was."""

    def change(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            tables = connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL"
            ).fetchall()
        loose = {
            name: sql.replace(") STRICT, WITHOUT", ") WITHOUT")
            .replace(") STRICT", ")")
            .replace("NOT NULL", "")
            for name, sql in tables
        }
        _put_schema(path, loose)
        run_script(script)(path)
        _put_schema(path, dict(tables))

    return change


def _put_schema(path: Path, statements: dict[str, str]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        for name, sql in statements.items():
            connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, name))
        (version,) = connection.execute("PRAGMA schema_version").fetchone()
        connection.execute(f"PRAGMA schema_version = {version + 1}")
        connection.commit()


def dump_and_restore(path: Path) -> None:
    """What ``sqlite3 .dump`` and ``.read`` do: no application_id, no user_version."""
    with closing(sqlite3.connect(path)) as connection:
        script = "\n".join(connection.iterdump())
    path.unlink()
    run_script(script)(path)


def truncate(share: float) -> Change:
    def change(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return change


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def insert_check(*, loosely: bool = True, **values: str) -> Change:
    good = dict(
        zip(
            COLUMNS.split(", "),
            GOOD.split(","),
            strict=True,
        )
    )
    names, given = ", ".join(good | values), ", ".join((good | values).values())
    script = f"INSERT INTO checks ({names}) VALUES ({given})"
    return insert_loosely(script) if loosely else run_script(script)


BAD_TEXT = "CAST(x'61ff62' AS TEXT)"
NOW_MS = "unixepoch()*1000"
INCIDENT = (
    "INSERT INTO incidents VALUES ({id}, {cause}, 'a', 'a', {at}, {at}, NULL, 'down', 'quiet', "
    "NULL, {reminders}, NULL, 0, NULL, {changes})"
)
GOOD_INCIDENT = {
    "id": "'i1'",
    "cause": "'provider'",
    "at": f"{NOW_MS}-60000",
    "reminders": "0",
    "changes": "'[]'",
}


def insert_incident(**values: str) -> Change:
    return insert_loosely(INCIDENT.format(**(GOOD_INCIDENT | values)))


def insert_change(kind: str, provider: str = "'a'", at: str = f"{NOW_MS}-60000") -> Change:
    return insert_loosely(
        f"INSERT INTO changes VALUES (99, {at}, {kind}, {provider}, 'healthy', 'down', 'r')"
    )


CASES: dict[str, Change] = {
    "a column more": run_script("ALTER TABLE checks ADD COLUMN note TEXT"),
    "a column more that must be given": run_script(
        "PRAGMA legacy_alter_table = ON; CREATE TABLE n AS SELECT *, 1 AS must FROM checks; "
        "DROP TABLE checks; ALTER TABLE n RENAME TO checks; "
        "CREATE UNIQUE INDEX one ON checks (provider_name, checked_at_ms)"
    ),
    "a trigger that refuses": run_script(
        "CREATE TRIGGER no BEFORE INSERT ON checks BEGIN SELECT raise(ABORT, 'not today'); END"
    ),
    "a trigger that names what is gone": run_script(
        "CREATE TRIGGER gone AFTER INSERT ON checks BEGIN INSERT INTO nowhere VALUES (1); END"
    ),
    **{
        f"no table {name}": run_script(f"DROP TABLE {name}")
        for name in (
            "checks",
            "provider_states",
            "changes",
            "overrides",
            "traffic",
            "offer_states",
            "incidents",
            "alerts",
            "mutes",
            "report_ids",
            "skipped_checks",
            "cluster_identity",
            "cluster_cursors",
            "trackers",
            "hourly_checks",
            "summed_hours",
            "clock",
        )
    },
    **{
        f"a view in the place of {name}": run_script(
            f"DROP TABLE {name}; CREATE VIEW {name} AS SELECT 1 AS a"
        )
        for name in (
            "checks",
            "provider_states",
            "changes",
            "overrides",
            "incidents",
            "trackers",
            "clock",
        )
    },
    "no index": run_script("DROP INDEX checks_by_hour; DROP INDEX changes_by_time"),
    "no view": run_script("DROP VIEW readable_checks; DROP VIEW current_status"),
    "another program's": run_script("PRAGMA application_id = 252006674"),
    "of a later version": run_script("PRAGMA user_version = 999"),
    "of a version below 0": run_script("PRAGMA user_version = -5"),
    "restored from a dump": dump_and_restore,
    "a folder": make_folder,
    "0 bytes": truncate(0.0),
    "cut to a tenth": truncate(0.1),
    "cut in half": truncate(0.5),
    "50 bytes": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "text": lambda path: path.write_text("hello\n" * 1000) and None,
    "a latency of 1e300": insert_check(response_time_ms="1e300"),
    "a latency of infinity": insert_check(response_time_ms="9e999"),
    "a latency below 0": insert_check(response_time_ms="-5.0"),
    "completions below 0": insert_check(completions="-5"),
    "an outcome unknown": insert_check(outcome="'splendid'"),
    "a status unknown": insert_check(status="'splendid'"),
    "a blob for a name": insert_check(provider_name="x'6100ff'"),
    "bad UTF-8 for a name": insert_check(provider_name=BAD_TEXT),
    "bad UTF-8 for a message": insert_check(error_message=BAD_TEXT),
    "no name": insert_check(provider_name="NULL"),
    "no time": insert_check(checked_at_ms="NULL"),
    "a time beyond every calendar": insert_check(checked_at_ms="9223372036854775807"),
    "a time before every calendar": insert_check(checked_at_ms="-9223372036854775808"),
    "text for a time": insert_check(checked_at_ms="'yesterday'"),
    "no message": insert_check(error_message="NULL"),
    "failures beyond every counter": insert_check(consecutive_failures="9223372036854775807"),
    "an interval of infinity": insert_check(interval_seconds="9e999"),
    "an interval below 0": insert_check(interval_seconds="-1.0"),
    "an id at the end of all": insert_check(id="9223372036854775807"),
    "a state that is no JSON": insert_loosely("UPDATE provider_states SET state = '{'"),
    "a state of another kind": insert_loosely("UPDATE provider_states SET state = '[1]'"),
    "a state that is a blob": insert_loosely("UPDATE provider_states SET state = x'ff00'"),
    "a state too deep": insert_loosely(
        "UPDATE provider_states SET state = replace(hex(zeroblob(50000)), '0', '[')"
    ),
    "an override of infinity": insert_loosely("INSERT INTO overrides VALUES ('a', 9e999, 7)"),
    "an override that is text": insert_loosely("INSERT INTO overrides VALUES ('a', 'x', 'y')"),
    "a change of an unknown kind": insert_change("'splendid'"),
    "a change of bad UTF-8": insert_change("'status'", BAD_TEXT),
    "a change of a blob": insert_change("'status'", "x'ff'"),
    "a change beyond every calendar": insert_change("'status'", at="9223372036854775807"),
    "an incident of an unknown cause": insert_incident(cause="'splendid'"),
    "an incident of bad UTF-8": insert_incident(id=BAD_TEXT),
    "an incident beyond every calendar": insert_incident(at="9223372036854775807"),
    "an incident whose changes are no JSON": insert_incident(changes="'{'"),
    "an incident whose changes are a blob": insert_incident(changes="x'ff'"),
    "an incident whose changes are words": insert_incident(changes="'[\"a\"]'"),
    "an incident without reminders": insert_incident(reminders="NULL"),
    "a mute beyond every calendar": insert_loosely(
        "INSERT INTO mutes VALUES ('a', 9223372036854775807)"
    ),
    "a mute that is a blob": insert_loosely("INSERT INTO mutes VALUES ('a', x'ff')"),
    "marks of reports that are cut": insert_loosely(
        "INSERT INTO report_ids VALUES (unixepoch() / 3600, x'ff00aa')"
    ),
    "marks of reports that are text": insert_loosely(
        "INSERT INTO report_ids VALUES (unixepoch() / 3600, 'abc')"
    ),
    "traffic whose sketch is noise": insert_loosely(
        f"INSERT INTO traffic VALUES ({NOW_MS} / 60000 * 60000 - 120000, 'a', 'm', 0, 'r', 'ok', "
        "1, 1, 5.0, 0, 0.0, 0, 0.0, x'c1ffff')"
    ),
    "traffic of fewer than no call": insert_loosely(
        f"INSERT INTO traffic VALUES ({NOW_MS} / 60000 * 60000 - 120000, 'a', 'm', -3, x'ff', "
        "'splendid', -7, -1, -9e999, 0, 0.0, 0, 0.0, x'90')"
    ),
    "hours that are noise": insert_loosely(
        "DELETE FROM hourly_checks; INSERT INTO hourly_checks VALUES (unixepoch() / 3600 - 2, "
        "'a', '', -1, 5, -3, 9e999, NULL, NULL, NULL, NULL, -4, x'c1', x'c1'); "
        "INSERT OR REPLACE INTO summed_hours VALUES (unixepoch() / 3600 - 2, NULL, 1)"
    ),
    "skipped checks of all ages": insert_loosely(
        "INSERT INTO skipped_checks VALUES (9223372036854775807, x'ff', x'ff', -5)"
    ),
    "trackers of all kinds": insert_loosely(
        "INSERT INTO trackers VALUES ('x', x'ff', -1, -1, 9223372036854775807)"
    ),
    "states nested without end": run_script(
        "UPDATE provider_states SET state = "
        "'{\"a\":' || replace(hex(zeroblob(2000000)), '00', '[[')"
    ),
    "states of a number without end": run_script(
        "UPDATE provider_states SET state = "
        "'{\"a\":' || replace(hex(zeroblob(5000)), '00', '9') || '}'"
    ),
    "incidents nested without end": insert_loosely(
        "INSERT INTO incidents (id, cause, subject, opened_at_ms, noticed_at_ms, summary, stage, "
        "reminders, flapping, changes) VALUES ('x', 'provider', 's', 1, 1, '', 'open', 0, 0, "
        "replace(hex(zeroblob(100000)), '00', '['))"
    ),
    "a mute without end": insert_loosely("INSERT INTO mutes VALUES ('hit', 9223372036854775807)"),
    "clocks beyond every calendar": insert_loosely(
        "INSERT OR REPLACE INTO clock VALUES (1, x'ff', 9e999, -1e300, 9e11, 'x', '[[1]]', -5, '{')"
    ),
    "a tracker with leaps without end": insert_loosely(
        "INSERT OR REPLACE INTO clock SELECT 1, 'x', 1e9, 1, 1, 1e9, "
        "'[' || replace(hex(zeroblob(200000)), '00', '[0,1e11],') || '[0,1]]', 1, 'null'"
    ),
    "an identity that is a blob": insert_loosely(
        "INSERT OR REPLACE INTO cluster_identity VALUES (1, x'ff', -5)"
    ),
}

QUICK_CASES = (
    "a column more",
    "a view in the place of checks",
    "restored from a dump",
    "a folder",
    "cut in half",
    "a blob for a name",
    "bad UTF-8 for a name",
    "a latency of 1e300",
)


async def write_sound(path: Path, rows: int = 50, apart: timedelta = timedelta(minutes=1)) -> None:
    """A database of this program with a check for each of the last ``rows`` minutes."""
    now = datetime.now(UTC)
    async with open_store(str(path)) as store:
        await store.write(
            [
                attrs.evolve(
                    each,
                    result=attrs.evolve(
                        each.result, provider=PROVIDER, at=now - (number + 1) * apart
                    ),
                )
                for number, each in enumerate(map(row, range(rows)))
            ]
        )


async def try_case(change: Change) -> tuple[str, list[str]]:
    """What health says of the database (or ``ok``), and what was wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "status.db"
        await write_sound(path)
        change(path)
        async with simulated_provider(PROVIDER, latency_ms=5.0) as provider:
            try:
                watched = {PROVIDER: provider.base_url}
                async with served(
                    folder, watched, tracker="interval_seconds = 2.0\n", database=path
                ) as server:
                    wrong = await _ask(server)
                    database = (await server.health())["database"]
                    code, _ = await server.end()
            except (RuntimeError, trio.TooSlowError, httpx.HTTPError) as error:
                return "", [f"{type(error).__name__}: {error}"]
    wrong += [f"exit code {code}"] if code else []
    wrong += ["a traceback in the log"] if b"Traceback" in server.said else []
    told = database.get("reason") or database.get("error") or "ok"
    return str(told), wrong


async def _ask(server: Served) -> list[str]:
    wrong = []
    with trio.fail_after(20.0):  # the first check has come
        while (await server.get("/api/providers/best")).status_code != 200:  # noqa: ASYNC110
            await trio.sleep(0.1)
    for path in ASKED:
        reply = await server.get(path)
        promised = {200, 503} if any(word in path for word in MAY_BE_AWAY) else {200}
        if reply.status_code not in promised:
            wrong.append(f"{path}: {reply.status_code} {reply.text[:200]}")
    reply = await server.client.post(
        "/api/reports",
        content=json.dumps({"reports": [LINE]}),
        headers={"content-type": "application/json"},
    )
    if reply.status_code == 500:
        wrong.append(f"/api/reports: {reply.text[:200]}")
    async with server.client.stream("GET", "/api/providers/events") as events:
        if events.status_code != 200:
            wrong.append(f"events: {events.status_code}")
    return wrong


async def odd_databases(names: tuple[str, ...] = ()) -> Outcome:
    """Every case, or those named."""
    told: dict[str, str] = {}
    wrong: list[str] = []
    limiter = trio.CapacityLimiter(LANES)

    async def run(name: str, change: Change) -> None:
        async with limiter:
            told[name], faults = await try_case(change)
        wrong.extend(f"{name}: {fault}" for fault in faults)

    async with trio.open_nursery() as nursery:
        for name, change in CASES.items():
            if not names or name in names:
                nursery.start_soon(run, name, change)
    used = sum(reason == "ok" for reason in told.values())
    figures = {"databases": len(told), "used": used, "refused with a reason": len(told) - used}
    return Outcome(figures, tuple(wrong))
