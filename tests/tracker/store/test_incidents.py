"""Incidents, messages and mutes come back as they were stored."""

from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from tests.helpers.store_records import CLOCK, NOW, ask
from tracker.core.incidents import Cause, Delivery, Incident, MessageKind, Stage
from tracker.core.records import MuteRecord
from tracker.store import open_store

OPEN = Incident(
    id="open",
    cause=Cause.KEY,
    subject="a",
    provider="a",
    opened_at=NOW - timedelta(minutes=5),
    noticed_at=NOW - timedelta(minutes=4),
    summary="a: its key is refused",
    changes=(NOW - timedelta(minutes=4), NOW),
    flapping=True,
    absent_since=NOW,
    stage=Stage.TOLD,
    told_at=NOW,
    reminders=2,
    acknowledged_by="änna \ud800",
)
CLOSED = Incident(
    id="closed",
    cause=Cause.NETWORK,
    subject="our network",
    opened_at=NOW - timedelta(days=9),
    noticed_at=NOW - timedelta(days=9),
    closed_at=NOW - timedelta(days=8),
    summary="our network reaches nobody",
)
WAITING = Delivery(
    key="opened-1",
    target="webhook 1",
    kind=MessageKind.OPENED,
    incidents=("open",),
    created_at=NOW,
    title="t",
    body="b",
    data="{}",
    attempts=1,
    tried_at=NOW,
    error="it answered 500",
)


async def test_stored_incidents_are_read_back_equal(tmp_path: Path) -> None:
    async with open_store(str(tmp_path / "status.db"), clock=CLOCK) as store:
        mute = MuteRecord(provider="a", until=NOW + timedelta(hours=1))
        await store.write([OPEN, CLOSED, WAITING, mute])
        arrived = attrs.evolve(WAITING, attempts=2, delivered_at=NOW, error="")
        await store.write([arrived])
        stored = await store.load_incidents()
        assert {each.id for each in stored.incidents} == {"open", "closed"}
        restored = next(each for each in stored.incidents if each.id == "open")
        assert restored == attrs.evolve(OPEN, acknowledged_by="änna ?")
        assert stored.deliveries == (arrived,)
        assert stored.mutes == {"a": NOW + timedelta(hours=1)}
        await store.write([MuteRecord(provider="a", until=None)])
        assert (await store.load_incidents()).mutes == {}


async def test_old_closed_incidents_are_pruned_and_open_ones_stay(tmp_path: Path) -> None:
    async with open_store(str(tmp_path / "status.db"), clock=CLOCK) as store:
        ancient = attrs.evolve(OPEN, opened_at=NOW - timedelta(days=30))
        await store.write([ancient, CLOSED])
        await store.prune(NOW - timedelta(days=7))
        assert [each.id for each in (await store.load_incidents()).incidents] == ["open"]


async def test_every_incident_that_somebody_has_to_close_or_announce_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many were closed since."""
    monkeypatch.setattr("tracker.store.incidents.MOST_ROWS", 2)
    done = [attrs.evolve(CLOSED, id=f"done{n}", stage=Stage.DONE) for n in range(4)]
    told = [attrs.evolve(CLOSED, id=f"told{n}", stage=Stage.TOLD) for n in range(3)]
    still = [attrs.evolve(OPEN, id=f"open{n}") for n in range(3)]
    async with open_store(str(tmp_path / "status.db"), clock=CLOCK) as store:
        await store.write([*done, *told, *still])
        found = [each.id for each in (await store.load_incidents()).incidents]
    assert {each.id for each in (*told, *still)} <= set(found)
    assert sum(each.startswith("done") for each in found) == 2


async def test_rows_of_another_program_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([OPEN, CLOSED])
        ask(path, "UPDATE incidents SET cause = 'aliens' WHERE id = 'closed'")
        assert [each.id for each in (await store.load_incidents()).incidents] == ["open"]


async def test_incidents_can_be_read_with_sqlite3(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([CLOSED])
        rows = ask(path, "SELECT subject, opened_at, duration_seconds FROM readable_incidents")
        assert rows == [("our network", "2026-11-14T12:00:00.000Z", 86_400.0)]


@pytest.mark.parametrize(
    "changes", ["[1e400]", "[" * 100_000, "[9223372036854775807]", "[[]]", "{}"]
)
async def test_rows_that_cannot_be_read_are_left_out(tmp_path: Path, changes: str) -> None:
    path = tmp_path / "status.db"
    async with open_store(str(path), clock=CLOCK) as store:
        mute = MuteRecord(provider="a", until=NOW + timedelta(hours=1))
        await store.write([OPEN, CLOSED, WAITING, mute])
        ask(path, "UPDATE incidents SET changes = ? WHERE id = 'open'", changes)
        ask(path, "INSERT INTO mutes VALUES ('b', 9223372036854775807)")
        stored = await store.load_incidents()
    left = {"closed"} if changes != "{}" else {"open", "closed"}
    assert {incident.id for incident in stored.incidents} == left
    assert stored.mutes == {"a": mute.until}
