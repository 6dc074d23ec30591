"""Everything a provider's answer says about its rate limits. Pure and total."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.probes.error_bodies import error_of
from tracker.probes.json_values import first
from tracker.probes.limits.bodies import body_readings, body_retry_after
from tracker.probes.limits.headers import header_readings, retry_after
from tracker.probes.limits.values import DAY, HORIZON, merge_readings

READINGS = 24  # limits kept of one answer: real ones have up to eight; each is stored and shown
# A longer wait is capped to a day, so that a topped-up account, or a header sent by mistake, is
# noticed.
LONGEST_WAIT = DAY


@attrs.frozen(kw_only=True)
class Limits:
    """The limits in one answer; ``readings`` by name. retry_after: seconds, 0..LONGEST_WAIT."""

    readings: tuple[LimitReading, ...] = ()
    source: LimitSource = LimitSource.NONE
    retry_after: float | None = None


def read_limits(
    headers: Sequence[tuple[str, str]], body: object, *, now: datetime, provider: str = ""
) -> Limits:
    """Read every form that facts of providers know, from headers and body.

    headers: lower-cased names, duplicates included. body: parsed JSON of any type, or None.
    provider: its catalogue name, for header names whose window only its docs tell.
    Never raises: what is no credible limit gives no reading.
    """
    from_headers = tuple(header_readings(headers, now=now, provider=provider))
    from_body: tuple[LimitReading, ...] = ()
    waits = [retry_after(headers, now=now)]
    # only errors state limits in their body, and most answers are not errors
    if body is not None and error_of(first(body)):
        from_body = tuple(body_readings(body, now=now))
        waits.append(body_retry_after(body, now=now))
    return Limits(
        readings=merge_readings((*from_headers, *from_body))[:READINGS],
        source=_source(from_headers, from_body),
        retry_after=_cap(*waits),
    )


def _source(from_headers: Sequence[object], from_body: Sequence[object]) -> LimitSource:
    if from_headers:
        return LimitSource.HEADERS
    return LimitSource.BODY if from_body else LimitSource.NONE


def _cap(*waits: float | None) -> float | None:
    """Return the longest credible wait, at most LONGEST_WAIT."""
    credible = [wait for wait in waits if wait is not None and wait <= HORIZON]
    return min(max(credible), LONGEST_WAIT) if credible else None
