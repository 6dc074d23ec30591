"""Classifying a reported call by the rules for checks, or by its outcome word.

Pure and total.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from itertools import islice

import msgspec

from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.probes.classify import classify
from tracker.probes.http.response import BoundedResponse
from tracker.probes.limits.headers import VALUE_LENGTH
from tracker.probes.limits.readings import read_limits
from tracker.reports.call import CallOutcome, NeutralOutcome
from tracker.reports.schema import CallReport, ReportedError

# An answer has at most about sixty headers; ten thousand are not worth reading.
MOST_HEADERS = 64
CANCELLED_STATUS = 499  # nginx: the client closed the connection
# A proxy's client uses these for its own time-outs; 504 and 524 come from the provider.
CALLERS_TIMEOUTS = frozenset({None, 408})
NEUTRAL_KINDS = {
    OutcomeKind.REQUEST: NeutralOutcome.REQUEST,
    OutcomeKind.INTERNAL: NeutralOutcome.INTERNAL,
}
# Names of failures without an HTTP status in client libraries, in lower case; the first match
# counts. From httpx, requests, aiohttp, OpenAI's and Anthropic's libraries.
LIBRARY_ERRORS: tuple[tuple[str, CallOutcome], ...] = (
    ("cancel", NeutralOutcome.CANCELLED),
    ("timeout", OutcomeKind.TIMEOUT),
    ("timed out", OutcomeKind.TIMEOUT),
    ("content_filter", NeutralOutcome.CONTENT_FILTER),
    ("contentpolicy", NeutralOutcome.CONTENT_FILTER),
    ("context_length", NeutralOutcome.REQUEST),
    ("contextwindow", NeutralOutcome.REQUEST),
    ("gaierror", OutcomeKind.DNS),
    ("getaddrinfo", OutcomeKind.DNS),
    ("name or service not known", OutcomeKind.DNS),
    ("name resolution", OutcomeKind.DNS),
    ("ssl", OutcomeKind.TLS),
    ("certificate", OutcomeKind.TLS),
    ("remoteprotocolerror", OutcomeKind.CONNECT),
    ("connect", OutcomeKind.CONNECT),
)
FILTERED = ("content_filter", "content_policy", "contentpolicy", "responsibleai")
# A zero alone, or among the parameters of the IETF format (``r=0``).
_NOTHING_LEFT = re.compile(r"(?:^|[=\s,])0(?:\.\d*)?(?:$|[\s,;])")
# Request ids and the like: no rule of the classifier looks for such a word.
_ID = re.compile(r"\b(?=[a-z_-]*[0-9])[\w-]{8,}\b", re.IGNORECASE)
ERRORS_REMEMBERED = 1_024


class UnknownOutcomeError(ValueError):
    """The report does not say how the call ended, or uses an unknown word."""


def classify_report(report: CallReport, *, dialect: str, timeout_ms: float) -> CallOutcome:
    """Classify one report. ``timeout_ms``: for how long our own checks wait for an answer.

    Raises UnknownOutcomeError.
    """
    outcome = _outcome(report, dialect)
    if outcome is OutcomeKind.TIMEOUT and report.http_status in CALLERS_TIMEOUTS:
        waited = report.latency_ms
        if waited is not None and waited < timeout_ms:
            return NeutralOutcome.CALLER_TIMEOUT
    if isinstance(outcome, OutcomeKind):
        return NEUTRAL_KINDS.get(outcome, outcome)
    return outcome


def read_limit(
    outcome: CallOutcome, report: CallReport, *, name: str, now: datetime
) -> CheckResult | None:
    """Read the report's rate limits, as a check would have found them; None: nothing."""
    kind = outcome if isinstance(outcome, OutcomeKind) else None
    if kind is None or not (kind.is_limit or (kind.is_success and _may_be_used_up(report.limits))):
        return None
    headers = _headers(report.limits or {})
    told = read_limits(headers, _body(report.error), now=now, provider=name)
    return CheckResult(
        kind=kind,
        limits=told.readings,
        limits_source=told.source,
        retry_after=told.retry_after,
        requests=0,
    )


def _may_be_used_up(limits: Mapping[str, str | int | float] | None) -> bool:
    """Return whether it may be used up: most limits have something left and need no reading."""
    return limits is not None and any(
        _NOTHING_LEFT.search(str(value)) for value in islice(limits.values(), MOST_HEADERS)
    )


def _outcome(report: CallReport, dialect: str) -> CallOutcome:
    if report.outcome is not None:
        return _by_word(report.outcome)
    error, status = report.error, report.http_status
    if status is None and error is None:
        raise UnknownOutcomeError("say how the call ended: give outcome, http_status or error")
    if error is not None and _is_filtered(error):
        return NeutralOutcome.CONTENT_FILTER
    if status == CANCELLED_STATUS and error is None:
        return NeutralOutcome.CANCELLED
    if status is None and (known := _by_library(error)) is not None:
        return known
    return _by_answer(status or 200, None if error is None else _without_ids(error), dialect)


@lru_cache(maxsize=ERRORS_REMEMBERED)
def _by_answer(status: int, error: ReportedError | None, dialect: str) -> OutcomeKind:
    """Classify by the answer; an outage repeats one error a thousand times, except its ids."""
    reply = BoundedResponse(status=status, body=_encode(error))
    found = classify(reply, dialect=dialect, completion=True)
    return OutcomeKind.OK if found is None else found.kind


def _without_ids(error: ReportedError) -> ReportedError:
    message = error.message
    return (
        error if message is None else msgspec.structs.replace(error, message=_ID.sub("", message))
    )


def _by_word(word: str) -> CallOutcome:
    for words in (NeutralOutcome, OutcomeKind):
        try:
            return words(word)
        except ValueError:
            continue
    known = sorted({*map(str, OutcomeKind), *map(str, NeutralOutcome)})
    raise UnknownOutcomeError(f"unknown outcome; use one of {', '.join(known)}")


def _is_filtered(error: ReportedError) -> bool:
    words = f"{error.type} {error.code}".lower()
    return any(word in words for word in FILTERED)


def _by_library(error: ReportedError | None) -> CallOutcome | None:
    """Classify a library's own failure by its type; its text may quote the provider."""
    if error is None:
        return None
    for text in (f"{error.type or ''} {error.code or ''}".lower(), (error.message or "").lower()):
        for word, outcome in LIBRARY_ERRORS:
            if word in text:
                return outcome
    return None


def _body(error: ReportedError | None) -> object:
    if error is None:
        return None
    fields = {"type": error.type, "code": error.code, "message": error.message}
    return {"error": {name: value for name, value in fields.items() if value is not None}}


def _encode(error: ReportedError | None) -> bytes:
    return b"" if error is None else msgspec.json.encode(_body(error))


def _headers(limits: Mapping[str, str | int | float]) -> tuple[tuple[str, str], ...]:
    told = ((name.lower(), str(value)) for name, value in islice(limits.items(), MOST_HEADERS))
    return tuple((name, value) for name, value in told if len(value) <= VALUE_LENGTH)
