"""A running tracker whose file changes in every way a file can."""

import errno
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from tests.helpers.factories import finding
from tests.helpers.waiting import wait_until
from tracker import Config, Tracker, run_tracker
from tracker.config import read_config
from tracker.core.outcomes import CheckResult
from tracker.core.patient_reader import HangsError, read_bytes, read_patiently
from tracker.core.redaction import Mask
from tracker.core.settings import Provider
from tracker.probes.check import Check, FunctionCheck
from tracker.ranking import PolicyError
from tracker.runtime import logs, reload
from tracker.runtime.logs import mask_in_logs
from tracker.runtime.reload import MOST_REASONS, Reloader

KEY = "sk-canary-0123456789"
HEAD = '[tracker]\ndiscover = false\ndatabase = "p.db"\nrecheck_seconds = []\n'


def table(name: str, **settings: Any) -> str:
    lines = [f"{key} = {value!r}" for key, value in settings.items()]
    head = [f"[providers.{name}]", 'kind = "openai"', 'base_url = "http://127.0.0.1:9/v1"']
    return "\n".join(["", *head, *lines, ""])


@attrs.define
class World:
    """A tracker on ``file``. made: checks made, by provider; opened: by how many check sessions.

    ended: set when it has.
    """

    folder: Path
    made: Counter[str] = attrs.field(factory=Counter)
    opened: Counter[str] = attrs.field(factory=Counter)
    ended: trio.Event = attrs.field(factory=trio.Event)

    @property
    def file(self) -> Path:
        return self.folder / "tracker.toml"

    def write(self, *tables: str, head: str = HEAD) -> None:
        """As most editors do: a new file takes the old one's place."""
        new = self.folder / "tracker.toml.new"
        new.write_text("".join([head, *tables]))
        new.replace(self.file)

    def read(self, path: Path | None) -> Config:
        return read_config(path, environ={}, dotenv=self.folder / ".env")

    @asynccontextmanager
    async def open(self, settings: Provider) -> AsyncIterator[Check]:
        self.opened[settings.name] += 1

        async def check() -> CheckResult:
            await trio.lowlevel.checkpoint()
            self.made[settings.name] += 1
            return finding(latency_ms=100.0)

        yield FunctionCheck(check)

    async def _run(self, config: Config, *, task_status: trio.TaskStatus[Tracker]) -> None:
        await run_tracker(config, open_check=self.open, task_status=task_status)
        self.ended.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Tracker, Reloader]]:
        config = self.read(None)
        async with trio.open_nursery() as nursery:
            tracker = await nursery.start(self._run, config)
            await swept(tracker)
            yield tracker, Reloader(self.read, config, self.folder / ".env")
            tracker.stop()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Tracker]:
        async with self.running() as (tracker, reloader), trio.open_nursery() as nursery:
            nursery.start_soon(reloader.watch, tracker)
            yield tracker
            tracker.stop()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    found = World(tmp_path)
    found.write(table("a"), table("b"))
    yield found
    mask_in_logs(Mask())


async def until(tracker: Tracker, fits: Callable[[], bool]) -> None:
    """Looks at each snapshot, and at what changes without one."""
    await wait_until(fits)


async def swept(tracker: Tracker) -> None:
    """Every provider was checked, also those that just came."""
    await until(tracker, lambda: all(p.last_check for p in tracker.snapshot.providers.values()))


def names(tracker: Tracker) -> set[str]:
    return set(tracker.snapshot.providers)


async def test_only_what_changed_is_touched(world: World) -> None:
    async with world.running() as (tracker, reloader):
        world.write(table("b"), table("c"))
        assert await reloader.reload(tracker)
        await swept(tracker)
        assert names(tracker) == {"b", "c"}
        assert world.made == {"a": 1, "b": 1, "c": 1}


async def test_new_timing_alone_makes_no_check(world: World) -> None:
    async with world.running() as (tracker, reloader):
        world.write(table("a", interval_seconds=120), table("b"))
        assert await reloader.reload(tracker)
        assert tracker.snapshot.providers["a"].interval_seconds == 120
        assert (world.made, world.opened) == ({"a": 1, "b": 1}, {"a": 1, "b": 1})


async def test_another_endpoint_is_checked_at_once(world: World) -> None:
    async with world.running() as (tracker, reloader):
        world.write(table("a").replace(":9/", ":99/"), table("b"))
        assert await reloader.reload(tracker)
        await until(tracker, lambda: world.made["a"] == 2)
        assert (world.made, world.opened) == ({"a": 2, "b": 1}, {"a": 2, "b": 1})


async def test_an_override_stays_over_the_new_file(world: World) -> None:
    async with world.running() as (tracker, reloader):
        await tracker.tune("a", interval_seconds=77.0)
        world.write(table("a", interval_seconds=120), table("b"))
        assert await reloader.reload(tracker)
        assert tracker.snapshot.providers["a"].interval_seconds == 77.0
        await tracker.tune("a", interval_seconds=None)
        assert tracker.snapshot.providers["a"].interval_seconds == 120.0


def mistakes(world: World) -> None:
    world.write(table("a"), head="[tracker]\nintervall_seconds = 1\njitter = 'much'\n")


def empty(world: World) -> None:
    world.file.write_text("")


def deleted(world: World) -> None:
    world.file.unlink()


def folder(world: World) -> None:
    world.file.unlink()
    world.file.mkdir()


def dangling(world: World) -> None:
    world.file.unlink()
    world.file.symlink_to("nowhere.toml")


def binary(world: World) -> None:
    world.file.write_bytes(b"\xff\x00")


def policy(world: World) -> None:
    world.write(table("c"), '[ranking]\npolicy = "no_such_module:policy"\n')


@pytest.mark.parametrize(
    ("break_it", "reasons"),
    [
        (mistakes, ["tracker.jitter", "did you mean interval_seconds?"]),
        (empty, ["the file is empty"]),
        (deleted, ["the file does not exist"]),
        (folder, ["this is a folder"]),
        (dangling, ["the file does not exist"]),
        (binary, ["line 1 is not UTF-8"]),
        (policy, ["No module named 'no_such_module'"]),
    ],
)
async def test_an_invalid_file_changes_nothing_and_is_reported_until_fixed(
    world: World, break_it: Callable[[World], None], reasons: list[str]
) -> None:
    async with world.running() as (tracker, reloader):
        before = tracker.config
        break_it(world)
        with structlog.testing.capture_logs() as lines:
            assert not await reloader.reload(tracker)
        assert tracker.config == before
        assert world.made == {"a": 1, "b": 1}
        health = tracker.health()
        assert (health.status, health.alive) == ("degraded", True)
        assert len(health.configuration_errors) == len(reasons)
        logged = [log["reason"] for log in lines if log["log_level"] == "error"]
        assert tuple(logged) == health.configuration_errors
        for reason, told in zip(reasons, health.configuration_errors, strict=True):
            assert reason in told
            assert "tracker.toml" in told or break_it is policy
        remove(world.file)
        world.write(table("b"))
        assert await reloader.reload(tracker)
        assert (names(tracker), tracker.health().configuration_errors) == ({"b"}, ())


async def test_of_thousands_of_mistakes_some_are_reported_with_the_number_of_others(
    world: World,
) -> None:
    """Each line of a log holds the event loop: 40,000 of them did for a second."""
    async with world.running() as (tracker, reloader):
        world.file.write_text("[tracker]\n" + "".join(f"inteval_{n} = 1\n" for n in range(3_000)))
        with structlog.testing.capture_logs() as lines:
            assert not await reloader.reload(tracker)
        told = tracker.health().configuration_errors
        logged = [line for line in lines if line["log_level"] == "error"]
        assert len(told) == len(logged) == MOST_REASONS + 1
        assert "2,980 more mistakes" in told[-1]


async def test_a_file_that_hung_is_not_named_once_the_configuration_does_not(world: World) -> None:
    os.mkfifo(pipe := world.folder / "authorities")
    async with world.running() as (tracker, reloader):
        with pytest.raises(HangsError):
            read_patiently(pipe, partial(read_bytes, pipe, 10, 0.02))
        assert f"{pipe} hangs" in " ".join(tracker.health().problems)
        world.write(table("c"))
        assert await reloader.reload(tracker)
        assert str(pipe) not in " ".join(tracker.health().problems)


def remove(file: Path) -> None:
    if file.is_dir():
        file.rmdir()
    else:
        file.unlink(missing_ok=True)


async def test_a_pipe_in_the_file_s_place_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "READ_SECONDS", 0.05)
    async with world.running() as (tracker, reloader):
        world.file.unlink()
        os.mkfifo(world.file)
        assert not await reloader.reload(tracker)
        assert "could not be read within 0.05 s" in tracker.configuration_errors[0]
        threading.Thread(target=world.file.write_text, args=("",)).start()  # lets the reader go
        assert names(tracker) == {"a", "b"}


async def test_a_reload_with_a_bad_policy_changes_nothing(world: World) -> None:
    async with world.running() as (tracker, _):
        world.write(table("c"))
        wrong = world.read(None)
        wrong = attrs.evolve(wrong, ranking=attrs.evolve(wrong.ranking, policy="nothing:here"))
        with pytest.raises(PolicyError):
            await tracker.reload(wrong)
        assert (names(tracker), tracker.snapshot.ranking.policy) == ({"a", "b"}, "expected_cost")
        assert [p.name for p in tracker.config.providers] == ["a", "b"]


async def test_a_fixed_setting_is_kept_and_reported(world: World) -> None:
    async with world.running() as (tracker, reloader):
        head = HEAD.replace("p.db", "other.db") + "schedule = false\nretention_days = 3\n"
        world.write(table("a"), '[server]\nport = 9999\nroot_path = "/x"\n', head=head)
        with structlog.testing.capture_logs() as lines:
            assert await reloader.reload(tracker)
        told = [log["setting"] for log in lines if "setting" in log]
        assert told == [
            "tracker.database",
            "tracker.schedule",
            "server.port",
            "server.root_path",
        ]
        config = tracker.config
        assert (config.database, config.schedule, config.server.port) == ("p.db", True, 8000)
        assert (config.retention_days, tracker._writer.retention_days) == (3, 3)
    assert not (world.folder / "other.db").exists()


async def test_a_new_key_is_masked_before_anything_can_log_it(world: World) -> None:
    async with world.running() as (tracker, reloader):
        (world.folder / ".env").write_text(f"MY_KEY={KEY}\n")
        (world.folder / ".env").chmod(0o600)
        world.write(table("a", api_key_env="MY_KEY"))
        assert await reloader.reload(tracker)
        assert tracker.config.provider("a").keys[0].reveal() == KEY
        assert tracker.mask(f"x {KEY}") == "x ***"
        assert logs._masking.mask(KEY) == "***"


async def test_a_hundred_reloads_do_not_grow_the_mask(world: World) -> None:
    (world.folder / ".env").write_text(f"MY_KEY={KEY}\n")
    world.write(table("a", api_key_env="MY_KEY"))
    async with world.running() as (tracker, reloader):
        for _ in range(100):
            assert await reloader.reload(tracker)
        assert len(tracker.mask.secrets) == 1
    assert world.made == {"a": 1}


class TestWatching:
    async def test_a_saved_file_is_reloaded(self, world: World) -> None:
        async with world.watching() as tracker:
            world.write(table("c"))
            await until(tracker, lambda: names(tracker) == {"c"})
            assert [p.name for p in tracker.config.providers] == ["c"]

    async def test_a_new_file_is_loaded(self, world: World) -> None:
        world.write(table("a"))
        text = world.file.read_text()
        world.file.unlink()
        (world.folder / ".env").write_text("")
        elsewhere = partial(read_config, environ={}, dotenv=None)
        config = attrs.evolve(elsewhere(None), providers=(), discover=False, database="p.db")
        async with trio.open_nursery() as nursery:
            tracker = await nursery.start(partial(run_tracker, config, open_check=world.open))
            nursery.start_soon(Reloader(elsewhere, config).watch, tracker)
            world.file.write_text(text)
            await until(tracker, lambda: names(tracker) == {"a"})
            assert [p.name for p in tracker.config.providers] == ["a"]
            tracker.stop()

    async def test_a_file_that_could_not_be_read_is_tried_again(self, world: World) -> None:
        trouble = [OSError(errno.EIO, os.strerror(errno.EIO)) for _ in range(2)]

        def hiccup(path: Path | None) -> Config:
            if trouble:
                raise trouble.pop()
            return world.read(path)

        async with world.running() as (tracker, _), trio.open_nursery() as nursery:
            reloader = Reloader(hiccup, tracker.config, world.folder / ".env")
            nursery.start_soon(reloader.watch, tracker)
            world.write(table("c"))
            await until(tracker, lambda: bool(tracker.configuration_errors))
            assert "cannot be read" in tracker.configuration_errors[0]
            await until(tracker, lambda: names(tracker) == {"c"})
            await until(tracker, lambda: not tracker.configuration_errors)
            tracker.stop()

    async def test_a_changed_dotenv_is_reloaded(self, world: World) -> None:
        world.write(table("a", api_key_env="MY_KEY"))
        (world.folder / ".env").write_text("MY_KEY=old-key-0123456\n")
        async with world.watching() as tracker:
            (world.folder / ".env").write_text(f"MY_KEY={KEY}\n")
            await until(tracker, lambda: tracker.mask(f"sent {KEY}") == "sent ***")
            assert tracker.config.provider("a").keys[0].reveal() == KEY

    async def test_a_swapped_link_is_reloaded(self, world: World) -> None:
        """As Kubernetes mounts a ConfigMap: ..data points to a folder that is replaced."""
        for name, provider in (("one", "a"), ("two", "c")):
            (world.folder / name).mkdir()
            (world.folder / name / "tracker.toml").write_text(HEAD + table(provider))
        (world.folder / "..data").symlink_to("one")
        world.file.unlink()
        world.file.symlink_to("..data/tracker.toml")
        async with world.watching() as tracker:
            (world.folder / "..new").symlink_to("two")
            (world.folder / "..new").rename(world.folder / "..data")
            await until(tracker, lambda: names(tracker) == {"c"})
            assert [p.name for p in tracker.config.providers] == ["c"]

    async def test_changed_ten_times_a_second_loses_and_doubles_no_check(
        self, world: World
    ) -> None:
        """Good, wrong, half-written, absent and back, while others tune and check."""
        async with world.watching() as tracker:
            for n in range(30):
                if n % 10 == 4:
                    world.file.unlink()
                elif n % 5 == 3:
                    world.file.write_text("[tracker")
                else:
                    world.write(table("a", interval_seconds=100 + n), table("b"), table(f"n{n}"))
                if n % 7 == 0:
                    await tracker.tune("b", interval_seconds=200.0 + n)
                await trio.sleep(
                    0.1
                )  # what is tested: changes that come faster than they are taken
            world.write(table("a", interval_seconds=999), table("b"), table("last"))
            await until(tracker, lambda: names(tracker) == {"a", "b", "last"})
            await swept(tracker)
            assert tracker.snapshot.providers["a"].interval_seconds == 999
            assert tracker.snapshot.providers["b"].interval_seconds == 228.0
            assert [world.made[name] for name in ("a", "b", "last")] == [1, 1, 1]
            assert max(world.made.values()) == 1
            assert {p.checks_24h for p in tracker.snapshot.providers.values()} == {1}
            assert (tracker.health().status, tracker.health().actors["a"].restarts) == ("ok", 0)

    async def test_a_folder_that_cannot_be_watched_ends_nothing(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_watches(*_: object, **__: Any) -> Any:
            raise OSError("inotify watch limit reached")

        monkeypatch.setattr(reload, "awatch", no_watches)
        with structlog.testing.capture_logs() as lines:
            async with world.running() as (tracker, reloader):
                await reloader.watch(tracker)
        assert [log["reason"] for log in lines if "cannot be watched" in log["event"]] == [
            "inotify watch limit reached"
        ]

    async def test_a_file_system_error_is_reported_and_watching_continues(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        right, moments = reload._is_empty, iter([True])

        def looked_at(path: Path) -> bool:
            if next(moments, False):
                raise PermissionError(13, "Permission denied")
            return right(path)

        monkeypatch.setattr(reload, "_is_empty", looked_at)
        async with world.watching() as tracker:
            world.write(table("a"))
            await until(tracker, lambda: bool(tracker.configuration_errors))
            (told,) = tracker.configuration_errors
            assert told.endswith("it cannot be read: Permission denied")
            world.write(table("a"), table("c"))
            await until(tracker, lambda: names(tracker) == {"a", "c"})
            await until(tracker, lambda: not tracker.configuration_errors)

    async def test_a_reload_in_progress_at_the_stop_is_no_crash(self, world: World) -> None:
        async with world.running() as (tracker, reloader), trio.open_nursery() as nursery:

            def slowly(path: Path | None) -> Config:
                trio.from_thread.run_sync(tracker.stop)
                trio.from_thread.run(world.ended.wait)  # but for this reading
                return world.read(path)

            reloader.read = slowly
            world.write(table("a"), table("c"))
            nursery.start_soon(reloader.watch, tracker)
            assert not await reloader.reload(tracker)

    async def test_it_ends_with_the_tracker(self, world: World) -> None:
        async with world.running() as (tracker, reloader), trio.open_nursery() as nursery:
            nursery.start_soon(reloader.watch, tracker)
            await wait_all_tasks_blocked(0.05)  # the watch waits for the file
            began = trio.current_time()
            tracker.stop()
        assert trio.current_time() - began < 4.0  # watchfiles looks for it every 5 s
