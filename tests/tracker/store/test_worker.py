"""The writing thread: a cancellation interrupts it, and does not wait for a disk that hangs."""

import threading
from pathlib import Path

import apsw
import pytest
import trio

from tests.helpers.store_records import CLOCK, check, stored
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.store import open_store
from tracker.store.database import WriteConnection

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


async def test_a_long_statement_ends_with_its_cancellation(tmp_path: Path) -> None:
    with trio.fail_after(GIVE_UP_SECONDS):
        async with open_store(str(tmp_path / "status.db"), clock=CLOCK) as store:
            with trio.move_on_after(0.1) as scope:
                await store._use(lambda connection: connection.execute(ENDLESS).fetchall())
            assert scope.cancelled_caught
            await store.write([check(message="after")])
    assert stored(tmp_path / "status.db") == ["after"]


async def test_a_hanging_disk_blocks_neither_start_nor_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(WriteConnection, "_open_connection", lambda _: answers.wait())
    try:
        with trio.fail_after(GIVE_UP_SECONDS):
            async with open_store(str(tmp_path / "status.db"), clock=CLOCK, wait=False) as store:
                assert store.state.reason == "it is still being opened"
                with trio.move_on_after(0.1):
                    await store.write([check()])
                assert not await store.settle(0.1)  # the thread was left behind, and has its turn
    finally:
        answers.set()


async def test_a_bug_in_a_job_is_raised_unchanged(tmp_path: Path) -> None:
    def fail(_: apsw.Connection) -> None:
        raise ZeroDivisionError

    async with open_store(str(tmp_path / "status.db"), clock=CLOCK) as store:
        with pytest.raises(ZeroDivisionError):
            await store._use(fail)
