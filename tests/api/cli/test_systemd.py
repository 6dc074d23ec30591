"""Notifications to systemd over a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from api.cli.systemd import Notifier, notify_systemd
from tests.helpers.command_line import NOTHING, serving
from tests.helpers.waiting import GIVE_UP_SECONDS


@attrs.define
class FakeTracker:
    alive: bool = True
    over: trio.Event = attrs.field(factory=trio.Event)

    def failures(self) -> tuple[str, ...]:
        return () if self.alive else ("the event loop has been blocked for 9 s",)

    async def stopped(self) -> None:
        await self.over.wait()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name if request.param == "path" else f"\0{name}")
        listener.settimeout(30.0)
        yield listener


def address(manager: socket.socket) -> str:
    name = manager.getsockname()
    return name if isinstance(name, str) else "@" + name[1:].decode()


def told(manager: socket.socket) -> list[str]:
    """Everything that has arrived."""
    manager.setblocking(False)
    messages = []
    try:
        while True:
            messages.append(manager.recv(4096).decode())
    except BlockingIOError:
        return messages


async def test_systemd_gets_ready_two_heartbeats_per_watchdog_time_and_stopping(
    manager: socket.socket, mock_clock: MockClock
) -> None:
    tracker = FakeTracker()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Notifier(address(manager), 30.0).run, tracker)
        await wait_all_tasks_blocked()
        assert sorted(told(manager)) == ["READY=1", "WATCHDOG=1"]
        for _ in range(2):
            mock_clock.jump(14.9)
            await wait_all_tasks_blocked()
            assert told(manager) == []
            mock_clock.jump(0.1)
            await wait_all_tasks_blocked()
            assert told(manager) == ["WATCHDOG=1"]
        tracker.over.set()
        await wait_all_tasks_blocked()
        assert told(manager) == ["STOPPING=1"]


async def test_no_beat_while_the_tracker_is_not_alive(
    manager: socket.socket, mock_clock: MockClock
) -> None:
    tracker = FakeTracker(alive=False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Notifier(address(manager), 30.0).run, tracker)
        await wait_all_tasks_blocked()
        assert sorted(told(manager)) == [
            "READY=1",
            "STATUS=the event loop has been blocked for 9 s",
        ]
        tracker.alive = True
        mock_clock.jump(15.0)
        await wait_all_tasks_blocked()
        assert told(manager) == ["WATCHDOG=1"]
        nursery.cancel_scope.cancel()


async def test_without_a_watchdog_only_ready(manager: socket.socket) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Notifier(address(manager)).run, FakeTracker())
        await wait_all_tasks_blocked()
        assert told(manager) == ["READY=1"]
        nursery.cancel_scope.cancel()


async def test_a_missing_service_manager_does_not_end_the_tracker(tmp_path: Path) -> None:
    tracker = FakeTracker()
    tracker.over.set()
    with trio.move_on_after(GIVE_UP_SECONDS) as waiting:
        await Notifier(str(tmp_path / "nobody")).run(tracker)
    assert not waiting.cancelled_caught
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, None),
        ({"NOTIFY_SOCKET": ""}, None),
        ({"NOTIFY_SOCKET": "relative"}, None),
        ({"NOTIFY_SOCKET": "/run/n"}, Notifier("/run/n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "20000000"}, Notifier("@n", 20.0)),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "0"}, Notifier("/n")),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "soon"}, Notifier("/n")),
        (
            {"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())},
            Notifier("/n", 1.0),
        ),
        (
            {"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
            Notifier("/n"),
        ),
    ],
)
def test_the_environment_says_whom_to_tell(environ: dict[str, str], found: Notifier | None) -> None:
    assert Notifier.of(environ) == found


def test_serve_tells_that_it_is_ready_and_that_it_ends(
    manager: socket.socket, tmp_path: Path
) -> None:
    (tmp_path / "tracker.toml").write_text(NOTHING)
    manager.settimeout(30.0)
    with serving(tmp_path, NOTIFY_SOCKET=address(manager), WATCHDOG_USEC="600000000") as served:
        first = {manager.recv(64), manager.recv(64)}
        ended = served.ended()
    assert (first, manager.recv(64)) == ({b"READY=1", b"WATCHDOG=1"}, b"STOPPING=1")
    assert ended.code == 0


async def test_only_under_systemd_there_is_somebody_to_tell(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    await notify_systemd(FakeTracker())  # returns at once without a message
    monkeypatch.setenv("NOTIFY_SOCKET", address(manager))
    tracker = FakeTracker()
    tracker.over.set()
    await notify_systemd(tracker)
    assert told(manager) == ["READY=1", "STOPPING=1"]
