"""Logging to stderr, as text or JSON, with every known secret masked."""

import logging
import re
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog

from tracker.core.redaction import Mask

Format = Literal["text", "json"]
STAMPS = frozenset({"level", "timestamp"})  # set by our processors, whatever was given
MOST_BITS = 14_000  # Python writes no number of more than 4,300 digits


class _Masking:
    """The last processor before rendering, which masks secrets."""

    def __init__(self) -> None:
        self.mask = Mask()

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> Mapping[str, Any]:
        return {
            key: value if key in STAMPS else self._mask_value(value) for key, value in event.items()
        }

    def _mask_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.mask(value)
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            bits = value.bit_length()
            return value if bits <= MOST_BITS else f"a number of {bits} bits"
        if isinstance(value, list | tuple | dict) and not value:
            return value  # JSON shows it as it is
        return self.mask(str(value))


_masking = _Masking()


class DeduplicationFilter(logging.Filter):
    """Passes each message once per ``seconds``, without its traceback, which is always the same."""

    def __init__(self, seconds: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._now = now
        self._said: dict[tuple[object, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record pass once in the given seconds, and without its trace."""
        now, what = self._now(), (record.msg, record.args)
        if now - self._said.get(what, -float("inf")) < self._seconds:
            return False
        self._said[what] = now
        record.exc_info = None
        return True


_seldom = DeduplicationFilter()


class _Lines:
    """Writes what structlog's loggers render: whole lines on a handler's stream.

    They do not pass a logger of the standard library: its record, its search for the caller and
    masking all of it again took two thirds of a line's time.
    """

    def __init__(self, handler: "logging.StreamHandler[TextIO]") -> None:
        self._handler = handler

    def write(self, line: str) -> None:
        """Write a line, or nothing where stderr is full or closed."""
        handler = self._handler
        handler.acquire()  # other packages' lines come by it, and from other threads
        try:
            handler.stream.write(line + handler.terminator)
            handler.stream.flush()
        except (OSError, ValueError):
            pass
        finally:
            handler.release()

    debug = info = warning = error = critical = write


def mask_in_logs(mask: Mask) -> None:
    """Mask these secrets in every log line from now on."""
    _masking.mask = mask


def configure_logs(style: Format = "text", level: str = "info") -> None:
    """Configure all logs, structlog's and the standard library's: one line each on stderr.

    level: debug, info, warning or error. Tracebacks come without local variables, which may
    hold what no mask knows.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    first: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: list[Any] = [_masking, _renderer(style)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    lines = _Lines(handler)
    structlog.configure(
        processors=[*first, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    # They log whole URLs and headers at INFO and below; our own lines are enough.
    for name in ("httpx", "httpcore", "hypercorn.access", "hpack", "watchfiles", "urllib3"):
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    # Its warnings become errors of alert targets, which we log ourselves.
    apprise = logging.getLogger("apprise")
    apprise.setLevel(logging.WARNING)
    apprise.propagate = False
    # Without a free file descriptor it retries, and logs, ten times a second.
    logging.getLogger("trio.serve_listeners").addFilter(_seldom)


def _renderer(style: Format) -> Any:
    if style == "json":
        return structlog.processors.JSONRenderer()
    colors = sys.stderr.isatty()
    usual = structlog.dev.ConsoleRenderer(
        colors=colors,
        exception_formatter=structlog.dev.plain_traceback,
        sort_keys=False,  # "before" comes before "after"
    )
    return usual if colors else PlainRenderer(usual)


class PlainRenderer:
    """A ConsoleRenderer without colors, byte for byte, in half of its time; traces are left to it.

    usual: that renderer. Thousands of first checks write two lines each.
    """

    _UNUSUAL = frozenset({"stack", "exception", "exc_info", "logger", "logger_name"})
    _QUOTED = re.compile("[ \t=\r\n\"']")

    def __init__(self, usual: structlog.dev.ConsoleRenderer) -> None:
        self._usual = usual

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        said, level, time_ = event.get("event"), event.get("level"), event.get("timestamp")
        plain = isinstance(said, str) and isinstance(level, str) and isinstance(time_, str)
        if not plain or not self._UNUSUAL.isdisjoint(event):
            return self._usual(logger, method, event)
        parts = [f"{time_} [{level:<9}] {said:<30}"]
        for key, value in event.items():
            if key != "event" and key not in STAMPS:
                bare = isinstance(value, str) and not self._QUOTED.search(value)
                parts.append(f"{key}={value if bare else repr(value)}")
        return " ".join(parts).rstrip(" ")
