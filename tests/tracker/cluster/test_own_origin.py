"""tracker.cluster.own_origin: our database file has one name at the hub, and no other's."""

from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from tests.helpers.store_records import check as record
from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Profile
from tracker.cluster.own_origin import RENAMED_SECONDS, OwnOrigin
from tracker.core.clock import Clock
from tracker.store import Store, open_store
from tracker.testing.hub import FakeHub
from tracker.testing.hub_server import FakeServer

AT = datetime(2026, 11, 27, tzinfo=UTC)


@attrs.define
class Rig:
    """A hub, and files that are opened there."""

    now: float = 0.0
    clock: Clock = attrs.field(init=False)
    server: FakeServer = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock = Clock(now=lambda: AT, steady=lambda: self.now)
        self.server = FakeServer(clock=self.clock)

    def origin(self, store: Store, *, vantage: str = "eu-1", file: str = "a") -> OwnOrigin:
        return OwnOrigin(
            caller=HubCaller(FakeHub(self.server), 5.0),
            profile=Profile(vantage=vantage, origin=""),
            store=store,
            file=lambda: file,
            clock=self.clock,
        )


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_a_file_keeps_its_name(rig: Rig, tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        async with open_store(str(tmp_path / "db")) as store:
            ours = rig.origin(store)
            await ours.open()
            names.append(ours.id)
            assert ours.known.is_set()
            assert ours.lately_renamed == ""
    assert names[0] == names[1]
    assert set(rig.server.tables.origins) == {names[0]}


@pytest.mark.parametrize(
    ("vantage", "file", "reason"),
    [
        ("us-1", "a", "this file belonged to vantage eu-1"),
        ("eu-1", "b", "this file is a copy, or was moved"),
    ],
)
async def test_a_file_that_is_anothers_gets_a_new_name_which_is_told_for_an_hour(
    rig: Rig, tmp_path: Path, vantage: str, file: str, reason: str
) -> None:
    async with open_store(str(tmp_path / "db")) as store:
        before = rig.origin(store)
        await before.open()
        ours = rig.origin(store, vantage=vantage, file=file)
        await ours.open()
        assert ours.id != before.id
        assert (await store.identity()).origin == ours.id
        assert ours.lately_renamed == reason
        rig.now = RENAMED_SECONDS
        assert ours.lately_renamed == ""


async def test_a_file_that_is_renamed_begins_after_the_check_that_is_named(
    rig: Rig, tmp_path: Path
) -> None:
    async with open_store(str(tmp_path / "db")) as store:
        ours = rig.origin(store)
        await ours.open()
        await store.write([record("groq"), record("groq")])
        known = ours.known
        await ours.rename(2, "as a test says")
        assert ours.known is not known
        assert ours.known.is_set()
        assert ours.head == 2
