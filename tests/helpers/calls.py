"""Reported calls, and batches of reports as proxies send them."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from tests.helpers.factories import START
from tracker.core.clock import ClockReading
from tracker.core.outcomes import OutcomeKind
from tracker.core.settings import Provider
from tracker.reports.call import Call, CallOutcome
from tracker.reports.intake import ReadBatch, ReportIntake
from tracker.reports.parsing import ParsingContext


def call(outcome: CallOutcome = OutcomeKind.OK, *, after: float = 0.0, **more: Any) -> Call:
    """Return one call, ``after`` seconds past START."""
    more = {"provider": "groq", "reporter": "proxy-1", "model": "m"} | more
    return Call(outcome=outcome, at=(START + timedelta(seconds=after)).timestamp(), **more)


def report(report_id: str = "r1", *, at: datetime = START, **fields: Any) -> dict[str, Any]:
    """Return one report as it is sent; ``ok`` by default."""
    told = {"outcome", "http_status", "error"} & fields.keys()
    fields |= {} if told else {"outcome": "ok"}
    return {"id": report_id, "at": at.isoformat(), "provider": "groq", "model": "m"} | fields


def batch(*reports: dict[str, Any], reporter: str = "proxy-1") -> bytes:
    return msgspec.json.encode({"reporter": reporter, "reports": reports})


def take(
    body: bytes,
    *providers: Provider,
    intake: ReportIntake | None = None,
    now: datetime = START,
    **context: Any,
) -> ReadBatch:
    """Read a batch at ``now``."""
    intake = intake or ReportIntake()
    read = ReadBatch()
    at = ClockReading(now, 0.0)
    opened, _ = intake.open(body, at)
    known = {provider.name: provider for provider in providers}
    for _ in intake.read(opened, ParsingContext(providers=known, now=now, **context), at, read):
        pass
    return read
