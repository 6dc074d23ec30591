"""Parsing a batch of reports: calls, and refused reports with reasons. Pure.

Only fields of the schema are read: there is none for a prompt, an answer or a key.
"""

from collections.abc import Mapping
from datetime import datetime

import attrs
import msgspec

from tracker.core.outcomes import CheckResult
from tracker.core.settings import Provider
from tracker.probes.messages import Masking, printable
from tracker.reports.call import Call, CallOutcome
from tracker.reports.classify import classify_report, read_limit
from tracker.reports.schema import (
    MOST_BYTES,
    MOST_REPORTS,
    NAME_LENGTH,
    CallReport,
    RawBatch,
    ReportBatch,
    ReportId,
)
from tracker.reports.seen import mark_of

OLDEST_SECONDS = 600.0  # an older report says nothing about now
FUTURE_SECONDS = 60.0  # clocks of two machines differ; more means a wrong clock

_BATCH = msgspec.json.Decoder(RawBatch)
_REPORT = msgspec.json.Decoder(CallReport, strict=True)
_ID = msgspec.json.Decoder(ReportId)
NO_NUMBERS = (b"NaN", b"Infinity")  # as Python writes them, and no JSON


class InvalidBatchError(ValueError):
    """The body is not a batch of reports; the message says what is wrong and what to send."""


class TooLargeError(InvalidBatchError):
    """The batch has too many bytes or reports."""


@attrs.frozen(kw_only=True)
class Refusal:
    """Why one report was refused. ``id``: empty if it could not be read."""

    id: str
    reason: str


@attrs.frozen(kw_only=True)
class ParsingContext:
    """What parsing a report needs. ``now``: the wall clock."""

    providers: Mapping[str, Provider]
    now: datetime
    mask: Masking = str
    _shown: dict[str, str] = attrs.field(init=False, factory=dict)
    _limits: dict[tuple[object, ...], CheckResult] = attrs.field(init=False, factory=dict)

    def show(self, name: str) -> str:
        """Return a reporter's or a model's name as it may be stored: a key may be in it."""
        shown = self._shown.get(name)
        if shown is None:
            shown = self._shown[name] = printable(name, self.mask)
        return shown

    def limit(self, outcome: CallOutcome, report: CallReport) -> CheckResult | None:
        """Read a report's rate limits, once a second for each key and model.

        Calls of the same second are told the same, and reading headers is half of our time.
        """
        second = int(report.at.timestamp())
        place = (report.provider, report.model, report.key, outcome, second)
        if place not in self._limits:
            limit = read_limit(outcome, report, name=report.provider, now=self.now)
            if limit is None:
                return None
            self._limits[place] = limit
        return self._limits[place]


def read_batch(body: bytes) -> RawBatch:
    """Read the envelope alone. Raises InvalidBatchError and TooLargeError."""
    if len(body) > MOST_BYTES:
        raise TooLargeError(f"the batch has {len(body)} bytes; at most {MOST_BYTES} are accepted")
    try:
        batch = _BATCH.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        fields = ", ".join(ReportBatch.__struct_fields__)
        told = printable(str(error), str)
        numbers = any(word in body for word in NO_NUMBERS)
        hint = "; NaN and Infinity are not valid JSON: leave out unknown values" if numbers else ""
        raise InvalidBatchError(
            f"not a batch of reports ({told}); send a JSON object with {fields}{hint}"
        ) from None
    if len(batch.reports) > MOST_REPORTS:
        count = len(batch.reports)
        raise TooLargeError(f"the batch has {count} reports; at most {MOST_REPORTS} are accepted")
    return batch


def read_report(
    raw: msgspec.Raw, reporter: str, context: ParsingContext
) -> tuple[str, Call] | Refusal:
    """Read one report: its id and the call, or why it is refused."""
    try:
        report = _REPORT.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(id=_id_of(raw, context), reason=printable(str(error), context.mask))
    try:
        return report.id, _call(report, reporter, context)
    except ValueError as error:
        return Refusal(
            id=printable(report.id, context.mask), reason=printable(str(error), context.mask)
        )


def _call(report: CallReport, reporter: str, context: ParsingContext) -> Call:
    provider = context.providers.get(report.provider)
    if provider is None:
        raise ValueError(f"unknown provider {report.provider[:100]!r}")
    age = (context.now - report.at).total_seconds()
    if age > OLDEST_SECONDS:
        raise ValueError(f"too old: {age:.0f} s; at most {OLDEST_SECONDS:.0f} s are accepted")
    if -age > FUTURE_SECONDS:
        raise ValueError(f"{-age:.0f} s in the future: the reporter's clock is wrong")
    if provider.keys and report.key is not None and report.key > len(provider.keys):
        raise ValueError(f"key {report.key} is not one of its {len(provider.keys)} keys")
    timeout_ms = provider.timing.timeout_seconds * 1000.0
    outcome = classify_report(report, dialect=provider.kind, timeout_ms=timeout_ms)
    return Call(
        provider=provider.name,
        reporter=context.show(reporter),
        at=min(report.at, context.now).timestamp(),
        outcome=outcome,
        model=context.show(report.model or ""),
        key=report.key,
        latency_ms=report.latency_ms,
        ttft_ms=report.ttft_ms,
        output_tokens=report.output_tokens,
        limit=context.limit(outcome, report),
        mark=mark_of(reporter, report.id),
    )


def _id_of(raw: msgspec.Raw, context: ParsingContext) -> str:
    """Return the id of a report that cannot be read, so that its sender finds it."""
    try:
        found = _ID.decode(raw).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return printable(found, context.mask, length=NAME_LENGTH)
