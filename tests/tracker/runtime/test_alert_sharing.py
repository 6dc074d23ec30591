"""Trackers of one cluster: one sends alerts, and its successor continues with the same keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from tests.helpers.alert_rig import Rig

WELL = 360.0  # long enough after the start that what is wrong is news


@asynccontextmanager
async def running(*names: str, shared: bool = True) -> AsyncIterator[Rig]:
    rig = Rig()
    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(partial(rig.run, name, shared=shared))
        await rig.passes(WELL)
        yield rig
        nursery.cancel_scope.cancel()


async def test_one_of_two_trackers_sends_alerts_and_both_show_the_same(
    autojump_clock: MockClock,
) -> None:
    async with running("one", "two") as rig:
        rig.fail()
        await rig.passes(120.0)
        assert [name for name, _ in rig.receiver.heard] == ["one"]
        assert rig.shown()["one"] == rig.shown()["two"]
        rig.recover()
        await rig.passes(120.0)
        assert rig.receiver.kinds() == ["opened", "resolved"]
        assert all(over for _, over in rig.shown()["two"])


async def test_a_herald_killed_between_sending_and_noting_leaves_its_key(
    autojump_clock: MockClock,
) -> None:
    async with running("one", "two") as rig:
        rig.receiver.hanging = True
        rig.fail()
        await rig.passes(60.0)
        assert [name for name, _ in rig.receiver.heard] == ["one"]
        rig.receiver.hanging = False
        rig.kill("one")
        rig.hub.herald = "two"
        await rig.passes(600.0)
        assert [name for name, _ in rig.receiver.heard] == ["one", "two"]
        assert len(rig.receiver.keys()) == 1


async def test_a_herald_that_loses_its_lease_while_it_sends_sends_nothing_more(
    autojump_clock: MockClock,
) -> None:
    async with running("one", "two") as rig:
        rig.receiver.hanging = True
        rig.fail()
        await rig.passes(60.0)
        rig.hub.herald = "two"
        rig.receiver.hanging = False
        await rig.passes(600.0)
        assert [name for name, _ in rig.receiver.heard] == ["one", "two"]
        rig.recover()
        await rig.passes(120.0)
        assert rig.receiver.heard[-1][0] == "two"
        assert rig.receiver.kinds() == ["opened", "opened", "resolved"]
        assert len(rig.receiver.keys()) == 2


async def test_without_the_hub_each_sends_with_the_same_key_and_then_one_continues(
    autojump_clock: MockClock,
) -> None:
    async with running("one", "two") as rig:
        rig.hub.away = True
        rig.fail()
        await rig.passes(120.0)
        assert sorted(name for name, _ in rig.receiver.heard) == ["one", "two"]
        assert len(rig.receiver.keys()) == 1
        rig.hub.away = False
        await rig.passes(120.0)
        rig.recover()
        await rig.passes(120.0)
        assert len(rig.receiver.keys()) <= 3, "at least once, and no event under many keys"


async def test_an_acknowledgement_at_a_follower_reaches_the_herald(
    autojump_clock: MockClock,
) -> None:
    async with running("one", "two") as rig:
        rig.fail()
        await rig.passes(120.0)
        (incident,) = (e for e in rig.logs["two"].incidents if e.provider == "a")
        await rig.tasks["two"].acknowledge(incident.id, "anna")
        await rig.passes(1.5 * 3600.0)  # a reminder is due after one hour
        assert rig.receiver.kinds() == ["opened"]
        (known,) = (e for e in rig.logs["one"].incidents if e.id == incident.id)
        assert known.acknowledged_by == "anna"


async def test_a_mute_at_a_follower_silences_the_herald_until_it_ends(
    autojump_clock: MockClock,
) -> None:
    async with running("one", "two") as rig:
        assert await rig.tasks["two"].mute("a", 5.0) is not None
        rig.fail()
        await rig.passes(4.5 * 60.0)
        assert rig.receiver.heard == []
        await rig.passes(2.5 * 60.0)
        assert rig.receiver.kinds() == ["opened"]


async def test_ten_thousand_changes_a_minute_are_examined_twice_a_second(
    autojump_clock: MockClock,
) -> None:
    async with running("one", shared=False) as rig:
        steps = 0
        state = rig.tasks["one"].state
        step = type(state).step

        def counted(*arguments: object) -> object:
            nonlocal steps
            steps += 1
            return step(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(state), "step", counted)
            for number in range(10_000):
                (rig.fail if number % 2 == 0 else rig.recover)()
                await trio.sleep(0.006)
        assert steps <= 130
        known = [each for each in rig.logs["one"].incidents if each.subject == "a"]
        assert len(known) <= 3
        assert len(rig.receiver.heard) <= 2
        rig.recover()
        await rig.passes(3600.0)
        assert not state.book.open
