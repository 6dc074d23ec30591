"""The store against files that lock, fill up, break and vanish, each for real."""

# ruff: noqa: ASYNC221 (faults are injected between awaits, on purpose)

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from tests.helpers.garbage import gone, no_collector
from tests.helpers.store_records import CLOCK, NOW, ask, beside, check, opened, stored
from tests.helpers.waiting import GIVE_UP_SECONDS, wait_until
from tracker.core.clock import Clock
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.records import ChangeKind, ChangeRecord, CorrectionRecord, OverrideRecord
from tracker.store import KINDS, Store, StoreState, StoreUnavailable, history, open_store, writing
from tracker.store.backlog import Backlog
from tracker.store.changes import read_changes
from tracker.store.clock_trust import ToldTime
from tracker.store.connection import connect
from tracker.store.writer import Writer

LONG_AGO = NOW - timedelta(days=30)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.db"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with opened(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def locked_for_all(path: Path) -> Iterator[None]:
    """Lock the file even for readers, as a rollback-journal program does while it commits."""
    with opened(path) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        yield


class Moment(datetime):
    """A datetime that can be referenced weakly."""


async def refused(store: Store) -> str:
    """Writing fails, the state tells why; returns the reason."""
    with pytest.raises(StoreUnavailable) as caught:
        await store.write([check()])
    assert store.state == StoreState(ok=False, reason=caught.value.reason)
    return caught.value.reason


def change(
    kind: ChangeKind = ChangeKind.BEST, *, seconds: float = 0.0, after: str = "a"
) -> ChangeRecord:
    return ChangeRecord(
        kind=kind,
        at=NOW - timedelta(seconds=seconds),
        provider=None,
        before=None,
        after=after,
        reason="because",
    )


# What is stored


async def test_creates_private_files_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        async with open_store(str(path), clock=CLOCK) as store:
            await store.write([check()])
            modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"status.db": 0o600, "status.db-wal": 0o600, "status.db-shm": 0o600}
    assert [each.name for each in path.parent.iterdir()] == ["status.db"]  # checkpointed


async def test_completions_of_today_do_not_include_those_of_this_start(path: Path) -> None:
    """Its own are counted already, also where they were stored before the history was loaded."""
    async with open_store(str(path), clock=CLOCK) as store:
        yesterday = check("a", seconds=13 * 3600, completions=1)
        await store.write([yesterday, check("a", seconds=20, completions=2)])
        await store.write([check("a", seconds=-1, completions=4)])
        assert (await store.load(NOW - timedelta(hours=1))).completions_today == 2


async def test_loads_what_was_written(path: Path) -> None:
    override = OverrideRecord(provider="a", interval_seconds=60.0, enabled=False)
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write(
            [
                check("a", seconds=20, latency_ms=1.5, completions=300, state='{"n": 1}'),
                check("b", seconds=15, kind=OutcomeKind.TIMEOUT, latency_ms=None),
                override,
                check("a", seconds=10, kind=OutcomeKind.SLOW, state='{"n": 2}'),
                check("a", seconds=9_000),
                change(after="b"),
                change(after="a"),
            ]
        )
    async with open_store(str(path), clock=CLOCK) as store:
        loaded = await store.load(NOW - timedelta(hours=1))
    a, b = loaded.histories["a", None], loaded.histories["b", None]
    assert list(a.at) == [NOW.timestamp() - 20, NOW.timestamp() - 10]
    assert list(a.latency_ms) == [1.5, 120.0]
    assert [KINDS[code] for code in a.kinds] == [OutcomeKind.OK, OutcomeKind.SLOW]
    assert list(a.completions) == [255, 0]
    assert [KINDS[code] for code in b.kinds] == [OutcomeKind.TIMEOUT]
    assert str(b.latency_ms[0]) == "nan"
    assert loaded.states == {
        ("a", None): "{}",
        ("b", None): "{}",
    }  # of the last written, not of the newest
    assert loaded.overrides == {"a": override}
    assert loaded.best == "a"


async def test_current_status_shows_a_readable_row_a_provider(path: Path) -> None:
    failed = {"kind": OutcomeKind.SERVER, "status": Status.DEGRADED, "latency_ms": 9.0}
    async with open_store(str(path)) as store:
        now = store._clock.now()
        at = {"at": now - timedelta(seconds=30)}
        await store.write([check("a", latency_ms=77.0, at=now - timedelta(hours=30))])
        await store.write([check("a", **at), check("a", kind=OutcomeKind.RATE_LIMITED, **at)])
        last = now.replace(microsecond=42_000)
        await store.write(
            [check("a", message="HTTP 500", consecutive_failures=1, at=last, **failed)]
        )
    columns = (
        "provider_name, status, response_time_ms, uptime_percent, last_check, "
        "consecutive_failures, outcome, error_message"
    )
    shown = ask(path, f"SELECT {columns} FROM current_status")
    time = f"{last:%Y-%m-%dT%H:%M:%S}.042Z"
    assert shown == [("a", "degraded", 120.0, 50.0, time, 1, "server", "HTTP 500")]


async def test_stores_text_that_has_no_utf8_form(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="bad \ud800 text"), check(message="gut ü")])
    assert stored(path) == ["bad ? text", "gut ü"]


async def test_a_batch_is_all_or_nothing(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        with pytest.raises(StoreUnavailable, match="NOT NULL"):
            await store.write([check(message="1"), check(message="2", status=_Null())])
        await store.write([check(message="3")])
        assert store.state.ok
    assert stored(path) == ["3"]


class _Null:
    value = None


# Pruning


async def test_prunes_what_is_older_and_nothing_else(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(seconds=s, message=str(s)) for s in (7_300, 7_201, 7_200, 1)])
        await store.write([change(seconds=9_000, after="old"), change(ChangeKind.STATUS)])
        await store.write([change(ChangeKind.STATUS, seconds=9_000)])
        assert await store.prune(NOW - timedelta(hours=2)) == 3
        assert (await store.load(LONG_AGO)).best == "old"  # the last is kept, however old
    assert stored(path) == ["7200", "1"]
    assert ask(path, "SELECT kind FROM changes") == [("best",), ("status",)]


async def test_a_state_is_deleted_with_its_check(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check("gone", seconds=9_000), check("there", seconds=9_000)])
        await store.write([check("there", state='{"n": 2}')])
        await store.prune(NOW - timedelta(hours=2))
        assert (await store.load(LONG_AGO)).states == {("there", None): '{"n": 2}'}
    assert ask(path, "SELECT provider_name FROM provider_states") == [("there",)]


async def test_a_state_is_deleted_although_its_checks_number_was_reused(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check("gone", seconds=9_000)])
        await store._use(lambda connection: connection.execute("DELETE FROM checks"))
        await store.write([check("there")])  # the same id
        await store.prune(NOW - timedelta(hours=2))
    assert ask(path, "SELECT * FROM provider_states") == [("there", 1, 120.0, "{}")]


async def test_prunes_many_rows_in_short_transactions(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(seconds=9_000 + n / 10) for n in range(12_001)])
        commits: list[int] = []
        await store._use(
            lambda connection: connection.set_commit_hook(lambda: bool(commits.append(1)))
        )
        assert await store.prune(NOW - timedelta(hours=2)) == 12_001
        await store._use(lambda connection: connection.set_commit_hook(None))
    assert len(commits) == 3 + 1  # the last looks for a table of the original tracker


async def test_no_statement_of_the_running_store_scans_a_table(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check()])
    ran: list[tuple[str, object]] = []
    with closing(connect(path)) as connection:
        connection.exec_trace = lambda _, sql, bindings: not ran.append((sql, bindings))
        writing.store(connection, [check(), change()])
        writing.prune(connection, NOW, NOW)
        for names in (None, ["a"]):
            for resolution in (None, 60.0):
                question = history.HistoryQuery.of(names, LONG_AGO, NOW, resolution)
                history.history(connection, question)
        read_changes(connection, "a", LONG_AGO, 10)
        connection.exec_trace = None
        plans = [
            row[3]
            for sql, bindings in ran
            if not sql.startswith(("BEGIN", "COMMIT"))
            for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)
        ]
    tables = ("SCAN checks", "SCAN changes", "SCAN provider_states")
    scans = [plan for plan in plans if plan.startswith(tables)]
    # Reading the end of the data is one step in the index, which SQLite's plan also calls a scan.
    # States are one row per provider; pruning reads each.
    allowed = {"SCAN checks USING COVERING INDEX checks_by_hour", "SCAN provider_states"}
    assert set(scans) <= allowed
    assert scans.count("SCAN provider_states") == 1
    assert "SEARCH checks USING COVERING INDEX checks_by_hour (<expr><?)" in plans  # the pruning


# The database away


async def test_a_question_asked_before_a_new_file_was_made_waits_for_it(path: Path) -> None:
    async def make_it() -> None:
        await wait_until(lambda: store._tried.statistics().tasks_waiting)
        await store.write([check()])

    async with open_store(str(path), clock=CLOCK, wait=False) as store, trio.open_nursery() as run:
        run.start_soon(make_it)
        assert not path.exists()
        found = await store.history(["a"], since=LONG_AGO)
        assert found.providers.keys() == {"a"}
        assert store.state.ok


async def test_a_lock_is_reported_and_recovered_from(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        with locked(path):
            began = trio.current_time()
            assert await refused(store) == "another process has locked it"
            assert trio.current_time() - began < 4.0  # less than anybody waits for a lock
            assert (await store.load(LONG_AGO)).histories == {}  # readers do not mind
        await store.write([check(message="after")])
        assert store.state == StoreState()
    assert stored(path) == ["after"]


async def test_refused_results_are_referenced_only_by_the_backlog(
    path: Path,
) -> None:
    batch = [check()]
    left = weakref.ref(batch[0])
    async with open_store(str(path), clock=CLOCK) as store:
        with locked(path), no_collector():
            with suppress(StoreUnavailable):
                await store.write(batch)
            del batch
            await gone(left)
        assert left() is None


async def test_a_failed_query_is_not_kept_in_memory(tmp_path: Path) -> None:
    since = Moment(2026, 1, 1, tzinfo=UTC)
    left = weakref.ref(since)
    async with open_store(str(tmp_path), clock=CLOCK) as store:
        with no_collector():
            for ask_for in (store.history, store.changes):
                with suppress(StoreUnavailable):
                    await ask_for(since=since)
            with suppress(StoreUnavailable):
                await store.load(since)
            del since
            await gone(left)
    assert left() is None


async def test_opens_while_another_process_locks_the_file(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK):
        pass
    with locked_for_all(path):
        async with open_store(str(path), clock=CLOCK) as store:
            assert store.state.reason == "another process has locked it"
            with pytest.raises(StoreUnavailable):
                await store.load(LONG_AGO)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.mkdir(), "is a folder; give the path of a file"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.parent.rmdir(), "does not exist; create it"),
    ],
)
async def test_the_store_opens_although_no_file_can_be_created(
    tmp_path: Path, make: Any, words: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "status.db"
    make(path)
    async with open_store(str(path), clock=CLOCK) as store:
        assert words in store.state.reason
        assert words in await refused(store)
        with pytest.raises(StoreUnavailable):
            await store.history(since=LONG_AGO)
        if folder.exists():
            path.rmdir() if path.is_dir() else path.unlink()
        folder.mkdir(exist_ok=True)
        await store.write([check(message="then")])
        assert store.state.ok
    assert stored(path) == ["then"]


async def test_a_full_disk_loses_nothing_and_recovers(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="before")])
        page_count = "PRAGMA max_page_count = {}"
        await store._use(lambda connection: connection.execute(page_count.format(10)))
        many = [check(message=str(n)) for n in range(2_000)]
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            await store.write(many)
        assert stored(path) == ["before"]
        await store._use(lambda connection: connection.execute(page_count.format(100_000)))
        await store.write(many)
    assert stored(path) == ["before", *map(str, range(2_000))]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
async def test_a_read_only_disk_is_reported_and_recovered_from(tmp_path: Path) -> None:
    mounted = ["mount", "-t", "tmpfs", "none", str(tmp_path)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    remount = ["mount", "-o", "remount,{}", str(tmp_path)]
    path = tmp_path / "status.db"
    try:
        async with open_store(str(path), clock=CLOCK) as store:
            await store.write([check()])
        subprocess.run([w.format("ro") for w in remount], check=True)
        async with open_store(str(path), clock=CLOCK) as store:
            assert "read-only" in await refused(store)
            subprocess.run([w.format("rw") for w in remount], check=True)
            await store.write([check(message="again")])
        assert stored(path) == ["", "again"]
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


async def test_a_deleted_file_is_created_again(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="gone")])
        path.unlink()
        with capture_logs() as logs:
            await store.write([check(message="kept")])
        assert [entry["event"] for entry in logs] == [
            "database deleted or replaced by another process"
        ]
    assert stored(path) == ["kept"]


async def test_a_moved_file_is_complete_at_its_new_place(path: Path) -> None:
    moved = path.with_name("moved.db")
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="first")])
        path.rename(moved)
        await store.write([check(message="second")])
    assert (stored(moved), stored(path)) == (["first"], ["second"])


async def test_a_replaced_file_is_used_and_not_mixed_with_the_old(path: Path) -> None:
    other = path.with_name("other.db")
    async with open_store(str(other), clock=CLOCK) as store:
        await store.write([check(message="theirs")])
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="ours")])
        with opened(path) as reader:  # keeps the old log from being carried over and emptied
            reader.execute("BEGIN; SELECT * FROM checks")
            await store.write([check(message="in the log")])
            other.rename(path)
            await store.write([check(message="next")])
    assert stored(path) == ["theirs", "next"]
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]


async def test_a_deleted_write_ahead_log_costs_nothing(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="1")])
        path.with_name("status.db-wal").unlink()
        await store.write([check(message="2")])
        copy = stored(path)
    assert copy == ["1", "2"]


async def test_a_folder_may_vanish_and_return(tmp_path: Path) -> None:
    folder, away = tmp_path / "folder", tmp_path / "away"
    folder.mkdir()
    path = folder / "status.db"
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="1")])
        folder.rename(away)
        assert "does not exist; create it" in await refused(store)
        away.rename(folder)
        await store.write([check(message="2")])
    assert stored(path) == ["1", "2"]


# Damage


def spoil(path: Path, offset: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * length)


async def filled(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(f"p{n % 7}", seconds=n, message=str(n)) for n in range(2_000)])


@pytest.mark.parametrize(("offset", "length"), [(0, 100), (40_960, 8_192), (100, 3_900)])
async def test_a_damaged_file_is_set_aside_when_opened(
    path: Path, offset: int, length: int
) -> None:
    await filled(path)
    spoil(path, offset, length)
    damaged = path.read_bytes()
    with capture_logs() as logs:
        async with open_store(str(path), clock=CLOCK) as store:
            assert store.state.ok
            await store.write([check(message="fresh")])
    (kept,) = beside(path, "corrupt")
    assert kept.name == "status.db.corrupt-20261123T120000Z"
    assert kept.read_bytes() == damaged
    assert kept.stat().st_mode & 0o777 == 0o600
    assert stored(path) == ["fresh"]
    assert [(e["event"], e["log_level"]) for e in logs] == [("damaged database set aside", "error")]


@pytest.mark.parametrize("use", ["write", "load", "history", "prune"])
async def test_damage_to_an_open_file_is_found_and_the_file_set_aside(path: Path, use: str) -> None:
    await filled(path)
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="in the log")])
        spoil(path, 0, path.stat().st_size)
        await store._use(lambda connection: connection.execute("PRAGMA shrink_memory"))
        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "write": lambda: store.write([check(message="fresh")]),
            "load": lambda: store.load(LONG_AGO),
            "history": lambda: store.history(since=LONG_AGO),
            "prune": lambda: store.prune(NOW - timedelta(seconds=5)),
        }
        await calls[use]()
        assert store.state.ok
        await store.write([check(message="last")])
    (kept,) = beside(path, "corrupt")
    assert kept.with_name(f"{kept.name}-wal").stat().st_size > 0
    assert stored(path)[-1] == "last"


async def test_damage_that_cannot_be_set_aside_is_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    spoil(path, 0, 100)
    damaged = path.read_bytes()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    async with open_store(str(path), clock=CLOCK) as store:
        assert "cannot be renamed (Permission denied)" in store.state.reason
    assert path.read_bytes() == damaged


async def test_two_damaged_files_in_one_second_are_both_kept(path: Path) -> None:
    for _ in range(2):
        path.write_bytes(b"not a database" * 100)
        async with open_store(str(path), clock=CLOCK):
            pass
    assert len(beside(path, "corrupt")) == 2


async def test_a_newer_schema_is_left_untouched(path: Path) -> None:
    await filled(path)
    with opened(path) as other:
        other.execute("PRAGMA user_version = 99")
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    async with open_store(str(path), clock=CLOCK) as store:
        assert "a newer version of this program wrote it (schema 99" in await refused(store)
        with pytest.raises(StoreUnavailable, match="newer version"):
            await store.load(LONG_AGO)
        with pytest.raises(StoreUnavailable, match="newer version"):
            await store.history(since=LONG_AGO)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


async def test_a_newer_schema_with_an_open_log_is_left_untouched(path: Path) -> None:
    source = path.with_name("source.db")
    with opened(source) as other:  # as a newer tracker leaves it when it is killed
        other.execute("PRAGMA journal_mode = WAL; CREATE TABLE future (x)")
        other.execute("PRAGMA user_version = 99")
        for ending in ("", "-wal"):
            shutil.copy(f"{source}{ending}", f"{path}{ending}")
    before = [Path(f"{path}{ending}").read_bytes() for ending in ("", "-wal")]
    async with open_store(str(path), clock=CLOCK) as store:
        assert "schema 99" in await refused(store)
    assert [Path(f"{path}{ending}").read_bytes() for ending in ("", "-wal")] == before


async def test_another_programs_database_is_left_untouched(path: Path) -> None:
    with opened(path) as other:
        other.execute("CREATE TABLE recipes (name)")
    before = path.read_bytes()
    async with open_store(str(path), clock=CLOCK) as store:
        assert "belongs to another program" in await refused(store)
    assert path.read_bytes() == before


# Writer and backlog


async def test_a_record_appended_is_written_at_once(path: Path, nursery: trio.Nursery) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        backlog = Backlog()
        writer = Writer(store, backlog, clock=CLOCK)
        nursery.start_soon(writer.run)
        await trio.testing.wait_all_tasks_blocked(0.01)
        backlog.append(check(message="1"))
        with trio.fail_after(GIVE_UP_SECONDS):
            await writer.idle()
        assert stored(path) == ["1"]
        nursery.cancel_scope.cancel()


async def test_a_long_lock_loses_nothing_and_is_logged_once(
    path: Path, nursery: trio.Nursery
) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        backlog = Backlog()
        writer = Writer(store, backlog, clock=CLOCK)
        nursery.start_soon(writer.run)
        await writer.idle()
        with capture_logs() as logs:
            with locked(path):
                for number in range(50):
                    backlog.append(check(message=str(number)))
                assert not await writer.flush(0.8)
                assert len(backlog) == 50
            assert await writer.flush(GIVE_UP_SECONDS)
        assert stored(path) == [str(number) for number in range(50)]
        told = [(e["event"], e["log_level"]) for e in logs if e["log_level"] != "debug"]
        assert told == [
            ("database unavailable, results wait in memory", "error"),
            ("database available again, results written", "info"),
        ]
        assert next(e["written"] for e in logs if "written" in e) == 50
        nursery.cancel_scope.cancel()


async def test_nothing_is_lost_or_stored_twice_when_the_writer_crashes(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        backlog = Backlog()
        for number in range(3):
            backlog.append(check(message=str(number)))
        backlog.take(2)  # a writer took these and died before it wrote
        backlog.append(check(message="3"))
        with pytest.raises(RuntimeError, match="after the commit"):
            await store.write(backlog.take(2), committed=lambda: _crash(backlog))
        async with trio.open_nursery() as nursery:
            writer = Writer(store, backlog, clock=CLOCK)
            nursery.start_soon(writer.run)
            await writer.idle()
            nursery.cancel_scope.cancel()
    assert stored(path) == ["0", "1", "2", "3"]


def _crash(backlog: Backlog) -> None:
    backlog.done()
    raise RuntimeError("after the commit")


async def test_a_cancelled_writer_leaves_no_transaction_open(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        backlog = Backlog()
        for number in range(2_000):
            backlog.append(check(message=str(number)))
        writer = Writer(store, backlog, clock=CLOCK)
        with trio.move_on_after(0.001):
            await writer.run()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            await writer.idle()
            nursery.cancel_scope.cancel()
    assert stored(path) == [str(number) for number in range(2_000)]


def test_beyond_its_limit_the_backlog_drops_the_oldest_check_and_counts() -> None:
    backlog = Backlog(limit=3)
    for record in (change(), *(check(message=str(n)) for n in range(5))):
        backlog.append(record)
    assert (len(backlog), backlog.dropped) == (4, 2)
    assert backlog.take(10) == (change(), *(check(message=str(n)) for n in (2, 3, 4)))


def test_a_flood_of_changes_displaces_no_check() -> None:
    backlog = Backlog(limit=3, others=4)
    override = OverrideRecord(provider="a", interval_seconds=60.0, enabled=None)
    for record in (check(message="0"), override, *(change(after=str(n)) for n in range(9))):
        backlog.append(record)
    assert (backlog.dropped, backlog.others_dropped) == (0, 6)
    latest = [change(after=str(n)) for n in (6, 7, 8)]
    assert list(backlog.waiting()) == [override, *latest, check(message="0")]


def test_of_too_many_overrides_the_oldest_is_dropped() -> None:
    backlog = Backlog(others=2)
    overrides = [
        OverrideRecord(provider=name, interval_seconds=None, enabled=False) for name in "abc"
    ]
    for override in overrides:
        backlog.append(override)
    assert list(backlog.take(9)) == overrides[1:]
    assert backlog.others_dropped == 1


def test_changes_that_are_being_written_are_not_dropped() -> None:
    backlog = Backlog(others=3)
    for number in range(3):
        backlog.append(change(after=str(number)))
    backlog.take(2)
    backlog.append(change(after="3"))
    backlog.put_back()
    assert [record.after for record in backlog.take(9)] == ["0", "1", "3"]


async def test_while_the_database_is_away_the_oldest_are_dropped(
    path: Path, nursery: trio.Nursery
) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        backlog = Backlog(limit=10)
        writer = Writer(store, backlog, clock=CLOCK)
        nursery.start_soon(writer.run)
        with locked(path):
            for number in range(10):
                backlog.append(check(message=str(number)))
            await wait_until(lambda: not store.state.ok)  # the writer has tried these ten
            for number in range(10, 15):
                backlog.append(check(message=str(number)))
        assert await writer.flush(GIVE_UP_SECONDS)
        assert backlog.dropped == 5
        assert stored(path) == [str(number) for number in range(5, 15)]
        nursery.cancel_scope.cancel()


def test_records_being_written_are_not_dropped() -> None:
    backlog = Backlog(limit=3)
    for number in range(3):
        backlog.append(check(message=str(number)))
    taken = backlog.take(2)
    backlog.append(check(message="3"))
    assert backlog.dropped == 1
    backlog.done()
    assert [r.result.message for r in taken] + [r.result.message for r in backlog.take(9)] == [
        "0",
        "1",
        "3",
    ]


async def test_prunes_as_soon_as_what_is_stored_was_read_and_regularly(
    path: Path, mock_clock: MockClock
) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        old = check(seconds=8 * 86_400.0, message="old")
        yesterday = check(seconds=90_000.0, message="yesterday")
        await store.write([old, yesterday, check(message="new")])
        told = ToldTime()
        told.note("a", format_datetime(NOW, usegmt=True), CLOCK.steady())
        writer = Writer(store, Backlog(), clock=CLOCK, retention_days=7.0, told=told)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            await settled(store)
            assert stored(path) == ["old", "yesterday", "new"]
            writer.remembered.set()
            await settled(store)
            assert stored(path) == ["yesterday", "new"]
            await store.write([old])
            mock_clock.jump(600.0)
            await settled(store)
            nursery.cancel_scope.cancel()
    assert stored(path) == ["yesterday", "new"]


async def test_why_nothing_is_pruned_is_said_once(path: Path, mock_clock: MockClock) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        with opened(path) as connection:
            connection.execute("DROP TABLE clock")
        writer = Writer(store, Backlog(), clock=CLOCK, retention_days=7.0)
        writer.remembered.set()
        with capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(writer.run)
                for _ in range(3):
                    await settled(store)
                    mock_clock.jump(600.0)
                nursery.cancel_scope.cancel()
    (told,) = [log for log in logs if log["event"] == "no old results deleted"]
    assert "clock" in told["reason"]
    assert told["log_level"] == "warning"


async def test_rows_before_a_gap_are_kept_until_the_time_has_passed_or_is_confirmed(
    path: Path, mock_clock: MockClock
) -> None:
    """We were off for six days, or the clock leapt by them: nobody knows, and nothing goes."""
    rows = [check(seconds=86_400.0 * days, message=f"{days}") for days in (7.5, 7.2, 6.5)]
    now = check(seconds=60.0, message="now")
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([*rows, now])
        with opened(path) as connection:  # by hand: before every calendar
            connection.execute(
                "INSERT INTO checks SELECT 99, provider_name, -9223372036854775808, status, "
                "outcome, response_time_ms, ttft_ms, interval_seconds, http_status, 'never', "
                "consecutive_failures, rate_limit_percent, completions, model, origin, origin_id "
                "FROM checks LIMIT 1"
            )
        told = ToldTime()
        writer = Writer(store, Backlog(), clock=CLOCK, retention_days=7.0, told=told)
        writer.remembered.set()
        with capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(writer.run)
                await settled(store)
                assert stored(path) == ["7.5", "7.2", "6.5", "now"]
                told.note("a", format_datetime(NOW, usegmt=True), CLOCK.steady())
                mock_clock.jump(600.0)
                await settled(store)
                nursery.cancel_scope.cancel()
    assert stored(path) == ["6.5", "now"]
    (kept,) = [log for log in logs if log["event"] == "history kept for longer"]
    assert 6.0 <= kept["days"] <= 6.6


async def test_twenty_hours_ahead_for_long_delete_nothing_early(
    path: Path, mock_clock: MockClock
) -> None:
    rows = [check(seconds=3_600.0 * hours, message=f"{hours}") for hours in range(160, -1, -20)]
    ahead = 0.0
    clock = Clock(now=lambda: NOW + timedelta(seconds=ahead), steady=trio.current_time)
    async with open_store(str(path), clock=clock) as store:
        await store.write(rows)
        writer = Writer(store, Backlog(), clock=clock, retention_days=7.0)
        writer.remembered.set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            await settled(store)
            for turn in range(1, 4):
                ahead = 20 * 3_600.0 + turn * 600.0
                mock_clock.jump(600.0)
                await settled(store)
            assert len(stored(path)) == len(rows)
            nursery.cancel_scope.cancel()


async def settled(store: Store) -> None:
    while True:
        await trio.testing.wait_all_tasks_blocked(0.005)
        if not store.worker.borrowed_tokens:
            return
        async with store.worker:
            pass


WRITER = """
import sys, trio
from tests.helpers.store_records import CLOCK, check
from tracker.store import open_store

async def main():
    async with open_store(sys.argv[1], clock=CLOCK) as store:
        number = int(sys.argv[2])
        while True:
            batch = [check(message=str(number + n)) for n in range(20)]
            await store.write(batch)
            number += 20
            print(number, flush=True)

trio.run(main)
"""


def test_kill_9_loses_no_acknowledged_row_and_splits_no_batch(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    present = 0
    for kill_after in (1, 3, 27, 2, 9):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), str(present)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env=environment, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged = [int(writer.stdout.readline()) for _ in range(kill_after)][-1]
            writer.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
        messages = stored(path)
        present = len(messages)
        assert messages == [str(number) for number in range(present)]
        assert present >= acknowledged
        assert present % 20 == 0
        assert ask(path, "PRAGMA integrity_check") == [("ok",)]


async def test_effects_of_offers_on_their_provider_are_stored_with_the_check(path: Path) -> None:
    own = check(state='{"n": 1}')
    blamed = check(model="m", state='{"m": 1}', provider_state='{"n": 2}', message="offer")
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([own, blamed])
    states = ask(path, "SELECT provider_name, last_check_id, state FROM provider_states")
    assert states == [("a", 1, '{"n": 2}')]
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([blamed, check(state='{"n": 3}')])
        await store.write([check(model="m", provider_state='{"n": 4}')])
    assert ask(path, "SELECT last_check_id, state FROM provider_states") == [(4, '{"n": 4}')]


async def test_the_checks_of_an_offer_are_its_own(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        asked = [check(message="own"), check(message="offer", model="m", state='{"n": 1}')]
        await store.write(asked)
        loaded = await store.load(LONG_AGO)
        assert loaded.histories.keys() == {("a", None), ("a", "m")}
        assert loaded.states == {("a", None): "{}", ("a", "m"): '{"n": 1}'}
        own = await store.history(["a"], since=LONG_AGO, raw=True)
        offer = await store.history(["a"], since=LONG_AGO, raw=True, model="m")
        assert [len(found.providers["a"]) for found in (own, offer)] == [1, 1]
    assert ask(path, "SELECT provider_name, model, status FROM current_offers") == [
        ("a", "m", "healthy")
    ]


async def test_a_failure_of_our_network_is_corrected_in_its_row(path: Path) -> None:
    failed = check(kind=OutcomeKind.DNS, message="no such host")
    correction = CorrectionRecord(provider="a", at=failed.result.at, message="ours")
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([failed, check("b", kind=OutcomeKind.DNS), correction])
    assert ask(path, "SELECT provider_name, outcome, error_message FROM checks ORDER BY id") == [
        ("a", "internal", "ours"),
        ("b", "dns", ""),
    ]
