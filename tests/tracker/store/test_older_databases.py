"""Databases that older trackers wrote open, with all that they knew: tests/data/databases."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
import trio

from tests.helpers.factories import provider
from tests.helpers.store_records import ask, beside
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.core.clock import Clock
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.settings import Config
from tracker.runtime import startup
from tracker.runtime.service import run_tracker
from tracker.runtime.tracker import Tracker
from tracker.store import Bucket, RawPoint
from tracker.store.schema import MIGRATIONS

DUMPS = sorted((Path(__file__).parents[2] / "data" / "databases").glob("*.sql"))
MODEL = "llama-3.1-8b"


@pytest.fixture(params=DUMPS, ids=lambda path: path.stem)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database as the dump has it."""
    path = tmp_path / "status.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param.read_text())
    return path


@pytest.fixture(autouse=True)
def waits_for_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start waits until the file is read, however busy this machine is."""
    monkeypatch.setattr(startup, "LOAD_SECONDS", GIVE_UP_SECONDS)


def newest_check(path: Path) -> datetime:
    ((newest,),) = ask(path, "SELECT max(checked_at_ms) FROM checks")
    return datetime.fromtimestamp(newest / 1000.0, UTC)


@asynccontextmanager
async def opened_by_us(path: Path) -> AsyncIterator[Tracker]:
    """The tracker of today over that file, a second after its last check; it makes none."""
    now = newest_check(path) + timedelta(seconds=1)
    good = attrs.evolve(provider("good"), models=(MODEL,))
    config = Config(
        database=str(path), schedule=False, providers=(provider("bad"), good), discover=False
    )
    async with trio.open_nursery() as nursery:
        run = run_tracker
        clock = Clock(now=lambda: now)
        tracker = await nursery.start(lambda **more: run(config, clock=clock, **more))
        yield tracker
        tracker.stop()


async def test_an_older_database_keeps_status_statistics_and_settings(written: Path) -> None:
    counted = dict(ask(written, "SELECT provider_name, count(*) FROM checks GROUP BY 1"))
    async with opened_by_us(written) as tracker:
        assert tracker.health().database.state == "ok"
        bad, good = (tracker.snapshot.providers[name] for name in ("bad", "good"))
        assert (bad.status, good.status) == (Status.DOWN, Status.HEALTHY)
        assert {"bad": bad.checks_24h, "good": good.checks_24h + offer_checks(written)} == counted
        assert bad.consecutive_failures >= 3
        assert (good.uptime.day, bad.uptime.day) == (100.0, 0.0)
        assert good.rate_limit.percent == 60.0
        assert (bad.interval_seconds, bad.interval_overridden) == (30.0, True)
        assert tracker.snapshot.ranking.best == "good"
    (backup,) = beside(written, "backup")
    assert ask(backup, "SELECT count(*) FROM checks") == [(sum(counted.values()),)]
    assert ask(written, "PRAGMA user_version") == [(len(MIGRATIONS),)]


async def test_its_history_and_changes_can_be_read(written: Path) -> None:
    since = newest_check(written) - timedelta(hours=1)
    changes = ask(written, "SELECT count(*) FROM changes")
    async with opened_by_us(written) as tracker:
        past = await tracker.records.history(("bad", "good"), since=since, raw=True)
        hours = await tracker.records.history(("bad", "good"), since=since, resolution=3600.0)
        found = await tracker.records.changes(since=since)
    for name in ("bad", "good"):
        buckets = [each for each in hours.providers[name] if isinstance(each, Bucket)]
        assert sum(bucket.checks for bucket in buckets) == len(past.providers[name])
    failures = [each for each in past.providers["bad"] if isinstance(each, RawPoint)]
    assert {failure.kind for failure in failures} == {OutcomeKind.SERVER}
    assert [(len(found),)] == changes


def offer_checks(path: Path) -> int:
    """How many of the stored checks were of an offer; none before schema 5."""
    columns = {row[1] for row in ask(path, "PRAGMA table_info(checks)")}
    if "model" not in columns:
        return 0
    ((count,),) = ask(path, "SELECT count(*) FROM checks WHERE model IS NOT NULL")
    return int(count)
