"""Reports of real calls waiting to be sent: a bounded queue that any thread may fill."""

import math
import os
import socket
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import attrs

MOST_QUEUED = 10_000  # about 5 MB; at ten calls a second this lasts for 16 minutes
NAME_LENGTH = 200  # characters the tracker accepts
MESSAGE_LENGTH = 2_000  # characters of an error's text: its start is enough to classify it
MOST_HEADERS = 64
# Only headers about limits leave this process: others contain cookies and account names.
LIMIT_HEADERS = ("ratelimit", "rate-limit", "tokenlimit", "retry-after")


@attrs.frozen(kw_only=True)
class ReportCounts:
    """Counts of the reports so far.

    queued: waiting. dropped: because the queue was full, or they became too old. refused: by the
    tracker. trouble: why the last batch was not sent; empty: it was sent.
    """

    queued: int = 0
    sent: int = 0
    dropped: int = 0
    refused: int = 0
    trouble: str = ""


@attrs.define(eq=False)
class QueuedReport:
    """A report to be sent. ``at``: seconds since 1970. urgent: a call failed."""

    fields: dict[str, Any]
    at: float
    urgent: bool


@attrs.define(eq=False)
class ReportQueue:
    """At most ``limit`` reports; beyond that the oldest is dropped and counted."""

    limit: int = MOST_QUEUED
    dropped: int = 0
    urgent: bool = False  # a failure is queued
    _reports: deque[QueuedReport] = attrs.field(factory=deque)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def __len__(self) -> int:
        return len(self._reports)

    def put(self, report: QueuedReport) -> None:
        """Queue a report from any thread; the oldest is dropped where the queue is full."""
        with self._lock:
            self._reports.append(report)
            self.urgent = self.urgent or report.urgent
            self._drop_oldest()

    def take(self, most: int, *, not_before: float) -> list[QueuedReport]:
        """Take the oldest; those told before ``not_before`` are dropped and counted."""
        with self._lock:
            while self._reports and self._reports[0].at < not_before:
                self._reports.popleft()
                self.dropped += 1
            taken = [self._reports.popleft() for _ in range(min(most, len(self._reports)))]
            self.urgent = any(report.urgent for report in self._reports)
            return taken

    def put_back(self, reports: list[QueuedReport]) -> None:
        """Put back reports that could not be sent."""
        with self._lock:
            self._reports.extendleft(reversed(reports))
            self.urgent = any(report.urgent for report in self._reports)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._reports) > self.limit:
            self._reports.popleft()
            self.dropped += 1


@attrs.define
class ReportBuilder:
    """Builds reports from what a caller knows; ids are unique to this process and never repeat."""

    _session: str = attrs.field(factory=lambda: uuid4().hex)
    _numbers: Any = attrs.field(factory=count)

    def build(self, provider: str, at: datetime | None, **known: Any) -> QueuedReport:
        """Build a report of what is ``known``; what is no value for its field is left out."""
        moment = at if isinstance(at, datetime) and at.tzinfo is not None else datetime.now(UTC)
        fields = {
            "id": f"{self._session}-{next(self._numbers)}",
            "at": moment.isoformat(),
            "provider": _clean(provider)[:NAME_LENGTH],
            "model": _text(known.get("model"), NAME_LENGTH),
            "key": _whole(known.get("key")),
            "outcome": _text(known.get("outcome"), 40),
            "http_status": _status(known),
            "error": _error(known.get("error")),
            "latency_ms": _milliseconds(known.get("latency_ms")),
            "ttft_ms": _milliseconds(known.get("ttft_ms")),
            "output_tokens": _whole(known.get("output_tokens")),
            "limits": _limits(known.get("limits")),
        }
        fields = {name: value for name, value in fields.items() if value is not None}
        return QueuedReport(fields=fields, at=moment.timestamp(), urgent=_is_urgent(fields))


def default_reporter() -> str:
    """Tell proxies apart that share a machine."""
    return f"{socket.gethostname()[:100]}-{os.getpid()}"


def _text(value: object, length: int) -> str | None:
    return None if value is None else _clean(value)[:length] or None


def _clean(value: object) -> str:
    """Replace lone surrogates, which have no UTF-8 form and would spoil the whole batch."""
    return str(value).encode("utf-8", "replace").decode()


def _whole(value: object) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000_000
    return int(value) if known else None  # type: ignore[call-overload]


def _milliseconds(value: object) -> float | None:
    known = isinstance(value, int | float) and math.isfinite(value) and value >= 0
    return float(value) if known else None  # type: ignore[arg-type]


def _status(known: Mapping[str, Any]) -> int | None:
    """Return the status as given, or as the exceptions of the providers' libraries carry it."""
    status = known.get("http_status")
    if status is None:
        status = getattr(known.get("error"), "status_code", None)
    return status if isinstance(status, int) and 100 <= status <= 599 else None


def _error(error: object) -> dict[str, Any] | None:
    if error is None:
        return None
    if isinstance(error, Mapping):
        told = {name: error.get(name) for name in ("type", "code", "message")}
    elif isinstance(error, BaseException):
        body = getattr(error, "body", None)
        said = body if isinstance(body, Mapping) else {}
        told = {
            "type": said.get("type") or type(error).__name__,
            "code": getattr(error, "code", None) or said.get("code"),
            "message": str(error),
        }
    else:
        told = {"message": error}
    return {name: _clean(v)[:MESSAGE_LENGTH] for name, v in told.items() if v is not None}


def _limits(headers: object) -> dict[str, str] | None:
    if headers is None:
        return None
    items: Any = headers.items() if hasattr(headers, "items") else headers
    told = {
        _clean(name).lower(): _clean(value)
        for name, value in items
        if any(word in str(name).lower() for word in LIMIT_HEADERS)
    }
    return dict(list(told.items())[:MOST_HEADERS]) or None


def _is_urgent(fields: Mapping[str, Any]) -> bool:
    """Return whether it is not plainly good: then the tracker should hear of it soon."""
    outcome, status = fields.get("outcome"), fields.get("http_status")
    if outcome is not None:
        return outcome not in CALM
    return "error" in fields or status is None or status >= 400


CALM = frozenset(
    {"ok", "slow", "cancelled", "caller_timeout", "request", "content_filter", "cached"}
)
