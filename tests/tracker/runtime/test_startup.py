"""A start on many providers: it answers before the last actor has started."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

from tests.helpers.factories import finding, provider, until_swept
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker import Config, Tracker, run_tracker
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Provider, Timing
from tracker.probes.check import Check, FunctionCheck
from tracker.runtime import startup
from tracker.runtime.mailbox import StoppedError
from tracker.runtime.start_limiter import StartLimiter

COUNT = 40


@attrs.define
class Checks:
    """Notes which providers' checks were opened."""

    opened: list[str] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self, settings: Provider) -> AsyncIterator[Check]:
        self.opened.append(settings.name)

        async def check() -> CheckResult:
            await trio.lowlevel.checkpoint()
            return finding()

        yield FunctionCheck(check)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    monkeypatch.setattr(startup, "AT_ONCE", 3)
    return Checks()


def config(folder: Path, count: int = COUNT) -> Config:
    providers = tuple(provider(f"p{number:03}") for number in range(count))
    return Config(database=str(folder / "p.db"), providers=providers)


async def begin(
    nursery: trio.Nursery, checks: Checks, settings: Config, *, held: bool = True
) -> Tracker:
    """Start a tracker; held: its checks may not begin yet."""
    run = partial(
        run_tracker, settings, open_check=checks.open, pacer=StartLimiter(gap=0.0, held=held)
    )
    tracker: Tracker = await nursery.start(run)
    return tracker


async def test_the_snapshot_has_every_provider_before_the_last_actor_has_started(
    checks: Checks, tmp_path: Path
) -> None:
    async with trio.open_nursery() as nursery:
        tracker = await begin(nursery, checks, config(tmp_path))
        assert len(tracker.snapshot.providers) == COUNT
        assert len(tracker.health().actors) < COUNT
        with trio.fail_after(GIVE_UP_SECONDS):
            while len(tracker.health().actors) < COUNT:
                await trio.lowlevel.checkpoint()
        tracker.stop()


async def test_a_check_that_is_asked_for_at_once_waits_for_its_actor(
    checks: Checks, tmp_path: Path
) -> None:
    last = f"p{COUNT - 1:03}"
    async with trio.open_nursery() as nursery:
        tracker = await begin(nursery, checks, config(tmp_path), held=False)
        assert last not in tracker.health().actors
        with trio.fail_after(GIVE_UP_SECONDS):
            result = (await tracker.check(last))[last]
        assert result.kind is OutcomeKind.OK
        tracker.stop()


async def test_a_reload_during_the_start_starts_no_actor_twice(
    checks: Checks, tmp_path: Path
) -> None:
    settings = config(tmp_path)
    slower = [
        attrs.evolve(each, timing=Timing(interval_seconds=900.0)) for each in settings.providers
    ]
    async with trio.open_nursery() as nursery:
        tracker = await begin(nursery, checks, settings, held=False)
        with trio.fail_after(GIVE_UP_SECONDS):
            await tracker.reload(attrs.evolve(settings, providers=(*slower, provider("new"))))
            await tracker.check("new")
            await until_swept(tracker)
        assert sorted(checks.opened) == sorted({*checks.opened})
        assert len(checks.opened) == COUNT + 1
        tracker.stop()


async def test_a_stop_during_the_start_ends_it_and_answers_waiting_callers(
    checks: Checks, tmp_path: Path
) -> None:
    async with trio.open_nursery() as nursery:
        tracker = await begin(nursery, checks, config(tmp_path))

        async def ask() -> None:
            with suppress(StoppedError):  # where its mailbox closed before the answer was published
                await tracker.check(f"p{COUNT - 1:03}")

        nursery.start_soon(ask)
        tracker.stop()
        with trio.fail_after(GIVE_UP_SECONDS):
            await tracker.stopped()
    assert len(checks.opened) < COUNT
