"""Logging: a message that could come ten times a second is logged rarely."""

import errno
import logging

import pytest
import trio
from trio.testing import MockClock

from tracker.runtime.logs import DeduplicationFilter


class Full(trio.abc.Listener[trio.SocketStream]):
    """A listener without a descriptor left for who connects."""

    async def accept(self) -> trio.SocketStream:
        await trio.lowlevel.checkpoint()
        raise OSError(errno.EMFILE, "Too many open files")

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def test_a_server_without_descriptors_says_so_once_a_minute_in_one_line(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("trio.serve_listeners")
    monkeypatch.setattr(logger, "filters", [DeduplicationFilter(60.0, trio.current_time)])
    with trio.move_on_after(150.0):
        await trio.serve_listeners(trio.sleep_forever, [Full()])
    assert [record.exc_info for record in caplog.records] == [None] * 3
    assert caplog.messages[0].startswith("accept returned EMFILE (Too many open files)")


def test_a_new_message_is_logged_at_once() -> None:
    seldom = DeduplicationFilter(60.0, lambda: 0.0)
    one, other = (
        logging.LogRecord("x", logging.ERROR, "", 0, "accept returned %s", (name,), None)
        for name in ("EMFILE", "ENFILE")
    )
    assert [seldom.filter(each) for each in (one, one, other)] == [True, False, True]
