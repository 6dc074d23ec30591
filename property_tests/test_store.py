"""Whatever happens to the disk: stored + dropped + waiting = produced, each check once, in order.

Changes are stored between the checks, and do not count.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.store_records import CLOCK, NOW, beside, check, opened, stored
from tracker.core.records import ChangeKind, ChangeRecord
from tracker.store import Store, StoreUnavailable, open_store
from tracker.store.backlog import Backlog

LIMIT, OTHERS = 12, 5
CHANGE = ChangeRecord(
    kind=ChangeKind.BEST, at=NOW, provider=None, before="a", after="b", reason="because"
)
faults = st.sampled_from(["lock", "unlock", "fill", "free", "crash", "reopen", "move"])
steps = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 9)),
    st.tuples(st.just("change"), st.integers(1, 9)),
    st.tuples(st.just("write"), st.integers(1, 6)),
    st.tuples(faults, st.just(0)),
)


class Disk:
    """A database with injected faults, and the contents of the files that were lost."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / "status.db"
        self.backlog = Backlog(limit=LIMIT, others=OTHERS)
        self.produced = 0
        self.moved: list[Path] = []
        self.lock = ExitStack()

    def append(self, count: int) -> None:
        for _ in range(count):
            self.backlog.append(check(message=str(self.produced)))
            self.produced += 1

    async def write(self, store: Store, count: int) -> None:
        try:
            await store.write(self.backlog.take(count), committed=self.backlog.done)
        except StoreUnavailable:
            self.backlog.put_back()

    def lock_out(self) -> None:
        self.lock.close()
        connection = self.lock.enter_context(opened(self.path))
        connection.execute("BEGIN IMMEDIATE")

    def move(self) -> None:
        self.lock.close()
        self.moved.append(self.path.with_name(f"moved-{len(self.moved)}.db"))
        self.path.rename(self.moved[-1])

    def is_filled(self) -> bool:
        """Locking a file that was moved leaves an empty one, which no store has opened yet."""
        return self.path.exists() and self.path.stat().st_size > 0

    def everything(self) -> list[int]:
        files = [path for path in (*self.moved, self.path) if path.exists()]
        return [int(message) for path in files for message in stored(path)]


async def pages(store: Store, most: int) -> None:
    def limit(connection: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")

    await store._use(limit)


async def run(folder: str, script: list[tuple[str, int]]) -> None:
    disk = Disk(folder)
    while script:
        async with open_store(str(disk.path), clock=CLOCK) as store:
            while script:
                step, count = script.pop(0)
                if step == "reopen":
                    break
                await act(disk, store, step, count)
            disk.lock.close()
    async with open_store(str(disk.path), clock=CLOCK) as store:
        await disk.write(store, LIMIT + OTHERS)
    found = disk.everything()
    assert found == sorted(set(found))
    assert len(found) + disk.backlog.dropped == disk.produced
    assert len(disk.backlog) == 0
    assert beside(disk.path, "corrupt") == []


async def act(disk: Disk, store: Store, step: str, count: int) -> None:
    if step == "append":
        disk.append(count)
    elif step == "change":
        for _ in range(count):
            disk.backlog.append(CHANGE)
    elif step == "write":
        await disk.write(store, count)
    elif step == "crash":
        disk.backlog.take(3)  # and the writer is gone
    elif step == "lock":
        disk.lock_out()
    elif step == "unlock":
        disk.lock.close()
    elif step == "move" and store.state.ok and disk.is_filled():
        disk.move()
    elif step in {"fill", "free"}:
        disk.lock.close()
        await pages(store, 1 if step == "fill" else 1_000_000)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=25))
def test_stored_and_dropped_is_produced(script: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trio.run(run, folder, list(script))
