"""Hours summed up give the answers that single checks give, whatever happens to these."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.store_records import ask, check, opened
from tests.helpers.waiting import wait_until
from tracker.core.clock import Clock
from tracker.core.outcomes import OutcomeKind
from tracker.core.records import CheckRecord, CorrectionRecord
from tracker.store import Bucket, BucketLatency, hours, open_store, writer, writing
from tracker.store.backlog import Backlog
from tracker.store.history import HistoryQuery, history
from tracker.store.schema import MIGRATIONS
from tracker.store.writer import Writer

START = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
END = START + timedelta(hours=9)
LONG_AGO = START - timedelta(days=1)
SIZES = (900, 1_800, 2_700, 3_600, 10_800, 86_400)  # seconds; 2,700 straddles hours
NAMES = ("a", "b", "ß ")
MODELS = (None, None, "m", "")

moments = st.integers(0, 8 * 3_600 * 4 - 1).map(lambda n: START + timedelta(seconds=n / 4))
edges = st.integers(-1, 9 * 4).map(lambda n: START + timedelta(minutes=15 * n))
checks = st.builds(
    check,
    st.sampled_from(NAMES),
    at=moments,
    kind=st.sampled_from(OutcomeKind),
    latency_ms=st.none() | st.floats(0.0, 5_000.0) | st.just(9e7),
    model=st.sampled_from(MODELS),
)
steps = st.one_of(
    st.tuples(st.just("write"), st.lists(checks, max_size=12)),
    st.tuples(st.just("correct"), st.integers(0, 100)),
    st.tuples(st.just("sum up"), st.integers(1, 4)),
    st.tuples(st.just("prune"), moments),
    st.tuples(st.just("delete by hand"), st.integers(0, 100)),
)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of three providers takes several steps."""
    monkeypatch.setattr(hours, "ROWS", 2)


def connect() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for script in MIGRATIONS:
        connection.execute(script)
    return connection


def expect(
    connection: apsw.Connection, name: str, model: str | None, since: int, until: int, size: int
) -> Iterator[Bucket]:
    """What the contract says of these checks, counted one by one."""
    rows = connection.execute(
        "SELECT checked_at_ms, outcome, response_time_ms FROM checks "
        "WHERE provider_name = ? AND model IS ? AND checked_at_ms BETWEEN ? AND ?",
        (name, model, since, until),
    ).fetchall()
    for number in sorted({at // size for at, _, _ in rows}):
        kinds = [OutcomeKind(kind) for at, kind, _ in rows if at // size == number]
        ordered = sorted(
            ms
            for at, kind, ms in rows
            if at // size == number and OutcomeKind(kind).is_success and ms is not None
            if 0.0 <= ms <= 86_400_000.0
        )
        up = sum(kind.is_success for kind in kinds)
        down = sum(kind.is_failure for kind in kinds)
        yield Bucket(
            datetime.fromtimestamp(number * size / 1000.0, UTC),
            len(kinds),
            down,
            100.0 * up / (up + down) if up + down else None,
            summarize(ordered) if ordered else None,
        )


def summarize(ordered: list[float]) -> BucketLatency:
    count = len(ordered)
    average = min(max(math.fsum(ordered) / count, ordered[0]), ordered[-1])
    p50, p95 = (ordered[math.ceil(share * count / 100) - 1] for share in (50, 95))
    return BucketLatency(ordered[0], average, p50, p95, ordered[-1])


def do(connection: apsw.Connection, step: tuple[str, Any]) -> None:
    what, given = step
    stored = connection.execute("SELECT id, provider_name, checked_at_ms FROM checks").fetchall()
    chosen = stored[given % len(stored)] if stored and isinstance(given, int) else None
    match what:
        case "write":
            writing.store(connection, given)
        case "correct" if chosen is not None:
            at = datetime.fromtimestamp(chosen[2] / 1000.0, UTC)
            record = CorrectionRecord(provider=chosen[1], at=at, message="our network")
            writing.store(connection, [record])
        case "sum up":
            for _ in range(given):
                hours.sum_up(connection, END, LONG_AGO)
        case "prune":
            writing.prune(connection, given, END)
        case "delete by hand" if chosen is not None:
            connection.execute("DELETE FROM checks WHERE id = ?", (chosen[0],))


@settings(deadline=None)
@given(
    program=st.lists(steps, min_size=1, max_size=8),
    size=st.sampled_from(SIZES),
    since=edges | moments,
    span=st.integers(0, 9 * 60).map(lambda n: timedelta(minutes=n)),
    model=st.sampled_from(MODELS),
    named=st.booleans(),
)
def test_answers_from_sums_equal_those_from_single_checks(
    program: list[tuple[str, Any]],
    size: int,
    since: datetime,
    span: timedelta,
    model: str | None,
    named: bool,
) -> None:
    connection = connect()
    writing.store(connection, [at(n / 4, name) for n in range(32) for name in NAMES])
    for step in program:
        do(connection, step)
    names = NAMES if named else None
    question = HistoryQuery.of(names, since, since + span, float(size), model=model)
    found = history(connection, question).providers
    chosen = question.selection
    for name in NAMES:
        bounds = chosen.since_ms, chosen.until_ms, size * 1000
        assert [*found.get(name, ())] == [*expect(connection, name, model, *bounds)]
    while hours.sum_up(connection, END, LONG_AGO):
        pass
    assert history(connection, question).providers == found


def summed(connection: apsw.Connection) -> list[int]:
    """The hours of the day that are summed up."""
    rows = connection.execute("SELECT hour FROM summed_hours WHERE complete ORDER BY hour")
    return [hour % 24 for (hour,) in rows]


def sum_all(connection: apsw.Connection, now: datetime = END, oldest: datetime = LONG_AGO) -> None:
    while hours.sum_up(connection, now, oldest):
        pass


def at(hour: float, provider: str = "a", **changes: Any) -> CheckRecord:
    return check(provider, at=START + timedelta(hours=hour), **changes)


def test_only_hours_that_are_over_and_not_too_old_are_summed_up() -> None:
    connection = connect()
    writing.store(connection, [at(hour) for hour in (0.5, 1.5, 2.5, 3.5)])
    sum_all(connection, START + timedelta(hours=3, seconds=59), START + timedelta(minutes=1))
    assert summed(connection) == [1]  # the first began too early, the third ended just now
    sum_all(connection, START + timedelta(hours=3, seconds=60), START + timedelta(minutes=1))
    assert summed(connection) == [1, 2]


def test_the_newest_hours_come_first() -> None:
    connection = connect()
    writing.store(connection, [at(hour) for hour in (0.5, 1.5, 2.5)])
    hours.sum_up(connection, END, LONG_AGO)
    assert summed(connection) == [2]


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO checks SELECT 9, provider_name, checked_at_ms + 1, status, outcome, 1, 1, 1, "
        "1, '', 0, 0, 0, NULL, NULL, NULL FROM checks WHERE id = 1",
        "DELETE FROM checks WHERE id = 1",
        "UPDATE checks SET outcome = 'internal' WHERE id = 1",
        "UPDATE checks SET checked_at_ms = checked_at_ms + 1 WHERE id = 1",
    ],
)
def test_a_change_in_an_hour_removes_only_its_sum(change: str) -> None:
    connection = connect()
    writing.store(connection, [at(0.5), at(1.5)])
    sum_all(connection)
    assert summed(connection) == [0, 1]
    connection.execute(change)
    assert summed(connection) == [1]


def test_a_check_stored_while_its_hour_is_summed_up_is_counted() -> None:
    connection = connect()
    writing.store(connection, [at(0.5, name) for name in "abcdef"])
    hours.sum_up(connection, END, LONG_AGO)
    assert summed(connection) == []
    writing.store(connection, [at(0.6, "a")])
    sum_all(connection)
    counted = "SELECT checks FROM hourly_checks WHERE provider_name = 'a'"
    assert connection.execute(counted).fetchall() == [(2,)]


def test_no_sum_holds_a_check_that_is_too_old_to_be_kept() -> None:
    connection = connect()
    writing.store(connection, [at(hour) for hour in (0.5, 1.2, 1.8, 2.5)])
    sum_all(connection)
    writing.prune(connection, START + timedelta(hours=1.5), END)
    sum_all(connection, oldest=START + timedelta(hours=1.5))
    kept = connection.execute("SELECT DISTINCT hour FROM hourly_checks").fetchall()
    assert [hour % 24 for (hour,) in kept] == [2]
    assert summed(connection) == [2]


def test_the_sums_are_readable() -> None:
    connection = connect()
    writing.store(connection, [at(0.5), at(0.6, latency_ms=80.04), at(0.7, kind=OutcomeKind.DNS)])
    sum_all(connection)
    rows = connection.execute("SELECT * FROM readable_hours").fetchall()
    assert rows == [
        ("2026-11-23T00:00:00Z", "a", "", 3, 2, 1, 66.67, 80.0, 100.0, 80.0, 120.0, 120.0)
    ]


async def test_an_old_database_is_summed_up_beside_the_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SUM_UP_SECONDS", 0.05)
    monkeypatch.setattr(writer, "SUM_UP_PAUSE", 0.0)
    path = tmp_path / "status.db"
    with opened(path) as connection:
        for script in MIGRATIONS[:10]:
            connection.execute(script)
        connection.execute("PRAGMA user_version = 10")
        connection.execute(f"PRAGMA application_id = {0x50535431}")
    clock = Clock(now=lambda: END)
    async with open_store(str(path), clock=clock) as store:
        await store.write([at(hour / 2) for hour in range(16)])
        keeper = Writer(store, Backlog(), clock=clock)
        keeper.remembered.set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            await wait_until(
                lambda: len(ask(path, "SELECT 1 FROM summed_hours WHERE complete")) == 8
            )
            keeper.backlog.append(at(3.25))  # it comes late: the disk was away
            await keeper.idle()
            found = await store.history(since=LONG_AGO, resolution=3_600)
            assert [point.checks for point in found.providers["a"]] == [2, 2, 2, 3, 2, 2, 2, 2]
            await wait_until(
                lambda: (3,) in ask(path, "SELECT checks FROM hourly_checks") and summed_all(path)
            )
            nursery.cancel_scope.cancel()


def summed_all(path: Path) -> bool:
    return len(ask(path, "SELECT 1 FROM summed_hours WHERE complete")) == 8
