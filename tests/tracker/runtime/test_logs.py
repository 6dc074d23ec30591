"""Logging: masked lines, from any logger; what could come ten times a second is logged rarely."""

import errno
import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from tracker.core.redaction import Mask, Secret
from tracker.runtime.logs import (
    DeduplicationFilter,
    Format,
    PlainRenderer,
    configure_logs,
    mask_in_logs,
)

KEY = "sk-canary-0123456789"
HIDDEN: list[Any] = [
    KEY,
    f"Bearer {KEY}",
    {"key": KEY, KEY: 1},
    [KEY],
    (KEY,),
    {KEY},
    KEY.encode(),
    ValueError(KEY),
    re.compile(KEY),
]

Lines = Callable[[], list[str]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """What stderr was told since the logs were configured, which a test does itself."""

    def read() -> list[str]:
        return capsys.readouterr().err.splitlines()

    mask_in_logs(Mask([Secret(KEY)]))
    yield read
    mask_in_logs(Mask())


def fail(value: Any) -> None:
    raise RuntimeError(value)


def test_a_text_line_has_the_time_the_level_the_event_and_its_values_in_order(lines: Lines) -> None:
    configure_logs("text")
    log = structlog.get_logger()
    log.info("checked", provider="a", milliseconds=52.1, message="not so good", nothing=None)
    log.warning("a long event, longer than its column", empty=[], none={})
    logging.getLogger("other").error("%s said", "another package")
    time = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    for line, rest in zip(
        lines(),
        (
            "[info     ] checked                        "
            "provider=a milliseconds=52.1 message='not so good' nothing=None",
            "[warning  ] a long event, longer than its column empty=[] none={}",
            "[error    ] another package said",
        ),
        strict=True,
    ):
        assert re.fullmatch(f"{time} {re.escape(rest)}", line), line


def test_a_json_line_holds_the_values_as_they_are(lines: Lines) -> None:
    configure_logs("json")
    structlog.get_logger().info("checked", provider="a", milliseconds=52.1, n=3, no=None, all=[])
    logging.getLogger("other").error("%s said", "another package")
    first, second = map(json.loads, lines())
    assert list(first) == [
        *("provider", "milliseconds", "n", "no", "all", "event", "level", "timestamp")
    ]
    first.pop("timestamp")
    assert first == {
        "provider": "a",
        "milliseconds": 52.1,
        "n": 3,
        "no": None,
        "all": [],
        "event": "checked",
        "level": "info",
    }
    assert (second["event"], second["level"]) == ("another package said", "error")


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_secret_given_as_level_or_time_is_in_no_line(lines: Lines, style: Format) -> None:
    configure_logs(style)
    structlog.get_logger().info("x", level=KEY, timestamp=KEY)
    structlog.get_logger().bind(level=KEY, timestamp=KEY).exception("x", level=KEY)
    told = "\n".join(lines())
    assert len(told.splitlines()) >= 2
    assert "canary" not in told


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("value", HIDDEN, ids=lambda value: type(value).__name__)
def test_a_secret_is_in_no_line_whatever_holds_it(lines: Lines, style: Format, value: Any) -> None:
    configure_logs(style, "debug")
    for log in (structlog.get_logger(), structlog.get_logger().bind(bound=value)):
        log.debug(f"event {KEY}")
        log.info("value", value=value)
        log.error("%s", KEY)
        try:
            fail(value)
        except RuntimeError:
            log.exception("trace")
    foreign = logging.getLogger("other")
    foreign.warning("%s", value)
    try:
        fail(value)
    except RuntimeError:
        foreign.exception("trace")
    told = "\n".join(lines())
    assert told.count("Traceback") == 3
    assert "***" in told
    assert "canary" not in told


names = st.sampled_from(["a", "logger", "stack", "exception", "exc_info", "positional", "event_"])
values = st.none() | st.booleans() | st.integers() | st.floats() | st.just([]) | st.text()
texts = st.text() | st.text(alphabet="ab =\t\r\n\"'")


@given(
    event=texts | st.integers(),
    level=st.sampled_from(["debug", "info", "warning", "error", "critical"]),
    rest=st.dictionaries(names | st.text(min_size=1, max_size=5), values | texts),
)
def test_a_plain_line_is_that_of_the_usual_renderer(
    event: Any, level: str, rest: dict[str, Any]
) -> None:
    usual = structlog.dev.ConsoleRenderer(colors=False, sort_keys=False)
    said = {**rest, "event": event, "level": level, "timestamp": "2026-01-01T00:00:00.123456Z"}
    for odd in ("stack", "exception"):  # never anything but text
        said |= {odd: str(said[odd])} if odd in said else {}
    said.pop("exc_info", None)
    assert PlainRenderer(usual)(None, level, dict(said)) == usual(None, level, dict(said))


def test_a_level_below_the_one_that_was_asked_for_is_not_logged(lines: Lines) -> None:
    configure_logs("text", "warning")
    structlog.get_logger().info("no")
    logging.getLogger("other").info("no")
    structlog.get_logger().critical("yes")
    logging.getLogger("other").critical("yes")
    assert [line.split()[-1] for line in lines()] == ["yes", "yes"]


def test_a_number_that_python_writes_no_digits_of_ends_nobody(lines: Lines) -> None:
    configure_logs("text")
    structlog.get_logger().info("large", number=-(10**5_000), most=10**4_000)
    (line,) = lines()
    assert "number='a number of 16610 bits'" in line
    assert f"most=1{'0' * 4_000}" in line


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), ValueError("closed file")])
@pytest.mark.parametrize("method", ["write", "flush"])
def test_a_stderr_that_is_full_or_closed_ends_nobody(
    monkeypatch: pytest.MonkeyPatch, error: Exception, method: str
) -> None:
    told: list[str] = []

    class Broken(io.StringIO):
        broken = True

        def write(self, text: str) -> int:
            self._fail("write")
            told.append(text)
            return len(text)

        def flush(self) -> None:
            self._fail("flush")

        def _fail(self, what: str) -> None:
            if self.broken and what == method:
                raise error

    stderr = Broken()
    monkeypatch.setattr(sys, "stderr", stderr)
    configure_logs()
    log = structlog.get_logger().bind()
    log.error("lost, or in a buffer")
    stderr.broken = False
    log.error("there again")
    assert told[-1].endswith("there again\n")


def test_lines_of_threads_and_of_other_packages_stay_whole(lines: Lines) -> None:
    configure_logs("text")
    ours, foreign = structlog.get_logger().bind(), logging.getLogger("other")

    def write(number: int) -> None:
        for _ in range(50):
            ours.info("ours", number=number)
            foreign.info("theirs")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    told = lines()
    assert len(told) == 800
    assert all(re.search(r"Z \[info     \] (ours +number=\d|theirs)$", line) for line in told)


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
