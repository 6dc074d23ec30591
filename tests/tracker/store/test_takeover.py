"""The original tracker's database is taken over with its history, and loses nothing."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.helpers.original_database import original
from tests.helpers.store_records import CLOCK, NOW, ask, beside, check, stored
from tracker.core.outcomes import OutcomeKind, Status
from tracker.store import KINDS, open_store, takeover
from tracker.store.takeover import kind_of


@pytest.fixture
def in_berlin() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


async def test_history_is_taken_over_after_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    down = {"status": "down", "consecutive_failures": 4, "error_message": "HTTP 503"}
    original(path, {}, down | {"response_time_ms": 0.0, "created_at": "2026-11-23 11:35:00"})
    path.chmod(0o644)
    with capture_logs() as logs:
        async with open_store(str(path), clock=CLOCK) as store:
            loaded = await store.load(NOW - timedelta(hours=1))
            await store.write([check("groq", message="ours")])
    history = loaded.histories["groq", None]
    assert [datetime.fromtimestamp(at, UTC).isoformat() for at in history.at] == [
        "2026-11-23T11:30:01+00:00",
        "2026-11-23T11:35:00+00:00",
    ]
    assert [KINDS[code] for code in history.kinds] == [OutcomeKind.OK, OutcomeKind.OVERLOADED]
    assert history.latency_ms[0] == 245.0
    assert loaded.states == {}  # it kept none to carry on from
    assert stored(path) == ["", "HTTP 503", "ours"]
    assert ask(path, "SELECT count(*) FROM provider_health_checks") == [(2,)]
    assert path.stat().st_mode & 0o777 == 0o600
    (backup,) = beside(path, "backup")
    assert ask(backup, "SELECT count(*) FROM provider_health_checks") == [(2,)]
    taken = next(entry for entry in logs if entry["event"].startswith("took over"))
    assert (taken["rows"], taken["skipped"]) == (2, 0)


async def test_is_taken_over_once(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    original(path, {})
    for _ in range(2):
        async with open_store(str(path), clock=CLOCK):
            pass
    assert stored(path) == [""]
    assert len(beside(path, "backup")) == 1


async def test_current_status_shows_what_was_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    failed = {"status": "down", "response_time_ms": 0.0, "created_at": "2026-11-23 11:35:00"}
    original(path, {}, failed, {"provider_name": "mistral", "response_time_ms": 99.0})
    async with open_store(str(path), clock=CLOCK):
        pass
    shown = ask(path, "SELECT provider_name, status, outcome, response_time_ms FROM current_status")
    assert shown == [("groq", "down", "timeout", 245.0), ("mistral", "healthy", "ok", 99.0)]


async def test_rows_called_down_forever_count_by_their_answers(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    failed = {"status": "degraded", "error_message": "HTTP 500: boom"}
    original(path, *[failed] * 3, *[{"status": "down"}] * 17)
    async with open_store(str(path), clock=CLOCK):
        pass
    counted = ask(path, "SELECT outcome, count(*) FROM checks GROUP BY outcome")
    assert counted == [("ok", 17), ("server", 3)]


@pytest.mark.usefixtures("in_berlin")
async def test_local_times_are_converted_where_there_is_nothing_better(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    original(
        path,
        {"last_check_timestamp": "2026-07-01T12:00:00.500000"},
        {"last_check_timestamp": "2026-01-01T12:00:00"},
        {"last_check_timestamp": "2026-01-01T12:00:00+00:00"},
        without=("created_at",),
    )
    async with open_store(str(path), clock=CLOCK):
        pass
    assert [at for (at,) in ask(path, "SELECT checked_at FROM readable_checks ORDER BY id")] == [
        "2026-07-01T10:00:00.500Z",
        "2026-01-01T11:00:00.000Z",
        "2026-01-01T12:00:00.000Z",
    ]


async def test_an_older_table_that_lacks_columns_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    missing = ("rate_limit_percent", "consecutive_failures", "error_message", "uptime_percent")
    original(path, {}, without=missing)
    async with open_store(str(path), clock=CLOCK):
        pass
    columns = "provider_name, outcome, response_time_ms, rate_limit_percent, consecutive_failures"
    assert ask(path, f"SELECT {columns} FROM checks") == [("groq", "ok", 245.0, 0.0, 0)]


async def test_rows_that_make_no_sense_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    no_time = {"created_at": None, "last_check_timestamp": None}
    original(
        path,
        {"provider_name": ""},
        {"status": "excellent"},
        {"status": b"\xff\xfe"},
        no_time,
        {"created_at": "yesterday", "last_check_timestamp": "9999999-01-01"},
        {"created_at": 5, "last_check_timestamp": b"\x00\xff"},
        {"response_time_ms": "fast", "rate_limit_percent": -7, "consecutive_failures": "x"},
        {"response_time_ms": 1e300, "error_message": b"caf\xe9 \x00", "rate_limit_percent": 1e9},
    )
    with capture_logs() as logs:
        async with open_store(str(path), clock=CLOCK) as store:
            assert store.state.ok
    taken = next(entry for entry in logs if entry["event"].startswith("took over"))
    assert (taken["rows"], taken["skipped"]) == (2, 6)
    columns = "response_time_ms, rate_limit_percent, consecutive_failures, error_message"
    assert ask(path, f"SELECT {columns} FROM checks") == [
        (None, 0.0, 0, ""),
        (None, 0.0, 0, "caf\ufffd "),
    ]


async def test_a_table_without_names_and_times_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    original(path, {}, without=("provider_name", "created_at", "last_check_timestamp"))
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="ours")])
    assert stored(path) == ["ours"]


@pytest.mark.parametrize(
    ("status", "message", "latency", "kind"),
    [
        (Status.HEALTHY, "", 245.0, OutcomeKind.OK),
        (Status.DEGRADED, "", 1_800.0, OutcomeKind.SLOW),
        (Status.DEGRADED, "", None, OutcomeKind.BAD_RESPONSE),
        (Status.DOWN, "", None, OutcomeKind.TIMEOUT),
        (Status.DOWN, "", 80.0, OutcomeKind.OK),
        (Status.DOWN, "", 1_000.0, OutcomeKind.OK),
        (Status.DOWN, "", 1_000.1, OutcomeKind.SLOW),
        (Status.UNKNOWN, "", None, OutcomeKind.INTERNAL),
        (Status.DEGRADED, "HTTP 500: oops", 80.0, OutcomeKind.SERVER),
        (Status.DEGRADED, "HTTP 401", 80.0, OutcomeKind.AUTH),
        (Status.DEGRADED, "HTTP 429", 80.0, OutcomeKind.RATE_LIMITED),
        (Status.DEGRADED, "HTTP 402", 80.0, OutcomeKind.QUOTA_EXHAUSTED),
        (Status.DEGRADED, "HTTP 404", 80.0, OutcomeKind.NOT_FOUND),
        (Status.DEGRADED, "HTTP 418", 80.0, OutcomeKind.REQUEST),
        (Status.DOWN, "HTTP 504: gateway time-out", 80.0, OutcomeKind.TIMEOUT),
        (Status.DOWN, "HTTP 503", 80.0, OutcomeKind.OVERLOADED),
        (Status.DOWN, "Connection timed out", None, OutcomeKind.TIMEOUT),
        (Status.DOWN, "[Errno 111] Connection refused", None, OutcomeKind.CONNECT),
        (Status.DOWN, "Cannot connect to host x:443 ssl:default [None]", None, OutcomeKind.CONNECT),
        (Status.DOWN, "host x:443 ssl:True [SSLCertVerificationError]", None, OutcomeKind.TLS),
        (Status.DOWN, "host x:443 ssl:default [getaddrinfo failed]", None, OutcomeKind.DNS),
        (Status.DOWN, "[Errno -2] Name or service not known", None, OutcomeKind.DNS),
        (Status.DOWN, "certificate verify failed", None, OutcomeKind.TLS),
        (Status.DEGRADED, "Expecting value: invalid JSON", 80.0, OutcomeKind.BAD_RESPONSE),
        (Status.DEGRADED, "something else", 80.0, OutcomeKind.SERVER),
    ],
)
def test_the_kind_is_read_from_the_message_else_from_the_status(
    status: Status, message: str, latency: float | None, kind: OutcomeKind
) -> None:
    assert kind_of(status, message, latency) is kind


# What is too old of it


def kept(path: Path) -> list[str]:
    return [name for (name,) in ask(path, "SELECT provider_name FROM provider_health_checks")]


async def test_old_rows_of_the_original_table_go_and_the_backup_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    original(
        path,
        {"provider_name": "old", "created_at": "2026-11-23 09:59:59"},
        {"provider_name": "old by the other", "created_at": None, "last_check_timestamp": OLD},
        {"provider_name": "first kept", "created_at": "2026-11-23 10:00:00"},
        {"provider_name": "old after a newer", "created_at": "2026-11-22 11:00:00"},
        {"provider_name": "no time", "created_at": "soon", "last_check_timestamp": b"\xff"},
        {"provider_name": "new"},
    )
    async with open_store(str(path), clock=CLOCK) as store:
        assert await store.prune(NOW - timedelta(hours=2)) == 4 + 3  # of ours: one was no check
        assert kept(path) == ["first kept", "new"]
        assert await store.prune(NOW - timedelta(hours=2)) == 0
        await store.prune(NOW + timedelta(days=7))
        assert kept(path) == []
    (backup,) = beside(path, "backup")
    assert len(kept(backup)) == 6


OLD = "2026-11-20T12:00:00"


async def test_an_older_table_without_created_at_is_pruned(tmp_path: Path) -> None:
    path = tmp_path / "provider_status.db"
    rows = {"last_check_timestamp": OLD}, {"last_check_timestamp": "2026-11-23T12:00:00+00:00"}
    original(path, *rows, without=("created_at",))
    async with open_store(str(path), clock=CLOCK) as store:
        await store.prune(NOW - timedelta(hours=2))
    assert ask(path, "SELECT id FROM provider_health_checks") == [(2,)]


async def test_many_old_rows_are_deleted_in_short_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "FORGET_ROWS", 10)
    path = tmp_path / "provider_status.db"
    original(
        path, *({"created_at": f"2026-11-{n // 24 + 1:02} {n % 24:02}:00:00"} for n in range(60))
    )
    async with open_store(str(path), clock=CLOCK) as store:
        looked = []
        moment = takeover._moment
        monkeypatch.setattr(takeover, "_moment", lambda *times: looked.append(1) or moment(*times))
        first = datetime(2026, 11, 2, 1, tzinfo=UTC)  # 25 rows are older
        deleted = []
        while gone := await store._use(lambda connection: takeover.forget(connection, first)):
            deleted.append(gone)
    assert deleted == [10, 10, 5]
    assert len(looked) == 40  # ten more told that the rest is new
    assert ask(path, "SELECT count(*) FROM provider_health_checks") == [(35,)]
