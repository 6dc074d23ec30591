"""What a provider's answer tells about its rate limits: one reader for all. Pure and total."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.probes.error_bodies import error_of
from tracker.probes.json_values import first
from tracker.probes.limits.bodies import body_readings, body_retry_after
from tracker.probes.limits.headers import header_readings, retry_after
from tracker.probes.limits.values import DAY, HORIZON, merge_readings

READINGS = 24  # the most limits told at once: real ones are eight; each is kept and shown
# One that names a longer wait is asked again once a day all the same, so that a topped-up account,
# or a header sent by mistake, is noticed.
LONGEST_WAIT = DAY


@attrs.frozen(kw_only=True)
class Limits:
    """What was told; ``readings`` by name. retry_after: seconds, 0..LONGEST_WAIT."""

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
    if error_of(first(body)):  # only an error tells of limits in its body; most are none
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
