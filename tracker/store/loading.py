"""Loading states, and history compact enough for millions of checks, when a tracker starts."""

import math
from array import array
from collections import deque
from collections.abc import Mapping
from datetime import datetime

import apsw
import attrs
import structlog

from tracker.core.outcomes import OutcomeKind
from tracker.core.records import OverrideRecord
from tracker.core.traffic import StoredTraffic
from tracker.ranking.policy import SAMPLES
from tracker.store.connection import epoch_ms, value
from tracker.store.hours import count_completions
from tracker.store.report_memory import load_traffic
from tracker.store.summaries import HOUR_MS

DAY_MS = 24 * HOUR_MS

log = structlog.get_logger()

KINDS = tuple(OutcomeKind)  # a code in ``CheckHistory.kinds`` is an index of this
_CODES = {kind.value: code for code, kind in enumerate(KINDS)}

# The order of the index: nothing is sorted, and a provider's rows come together.
_CHECKS = """
SELECT
    provider_name, model, checked_at_ms / 1000.0, outcome, response_time_ms, min(completions, 255),
    typeof(provider_name) = 'text' AND completions >= 0
        AND ifnull(response_time_ms BETWEEN 0 AND 86400000, 1)
        AND ifnull(ttft_ms BETWEEN 0 AND 86400000, 1),
    checked_at_ms > :until, ttft_ms
FROM checks
WHERE checked_at_ms / 3600000 >= :hour AND checked_at_ms >= :since
ORDER BY checked_at_ms / 3600000, provider_name, checked_at_ms, id
"""
_STATES = """
SELECT provider_name, NULL, state FROM provider_states WHERE state IS NOT NULL
UNION ALL SELECT provider_name, model, state FROM offer_states
"""
# Clock corrections are smaller; a check from further ahead was made with a wrong clock.
AHEAD_MS = 60_000
_BEST = "SELECT value_after FROM changes WHERE kind = 'best' ORDER BY id DESC LIMIT 1"


Target = tuple[str, str | None]
"""A provider's name, and the model if it is an offer."""


@attrs.define(eq=False)
class CheckHistory:
    """One provider's checks, oldest first, as columns of equal length.

    at: seconds since 1970. latency_ms: NaN when not known. kinds: indices into KINDS.
    completions: at most 255 per check. ttft_ms: of the latest that have one, with their positions.
    """

    at: "array[float]" = attrs.field(factory=lambda: array("d"))
    latency_ms: "array[float]" = attrs.field(factory=lambda: array("d"))
    kinds: bytearray = attrs.field(factory=bytearray)
    completions: bytearray = attrs.field(factory=bytearray)
    ttft_ms: deque[tuple[int, float]] = attrs.field(factory=lambda: deque(maxlen=SAMPLES))

    def __len__(self) -> int:
        return len(self.at)


@attrs.frozen(kw_only=True, eq=False)
class StoredData:
    """The stored data by target: (provider, None) or (provider, model of an offer).

    states: the JSON of each target's last CheckRecord. best: the last one recommended. left_out:
    how many checks could not be read. completions_today: since midnight UTC and before this start.
    """

    histories: Mapping[Target, CheckHistory]
    states: Mapping[Target, str]
    overrides: Mapping[str, OverrideRecord]
    best: str | None
    traffic: StoredTraffic = StoredTraffic()
    left_out: int = 0
    completions_today: int = 0


def load(
    connection: apsw.Connection, since: datetime, now: datetime, started: datetime
) -> StoredData:
    """Load what statistics from ``since`` on need, and all states and overrides.

    started: this tracker, which may have stored checks of its own since.
    """
    today, started_ms = epoch_ms(now.timestamp()) // DAY_MS, epoch_ms(started.timestamp())
    histories, left_out = _histories(connection, since, now)
    return StoredData(
        histories=histories,
        left_out=left_out,
        states=_states(connection),
        overrides=load_overrides(connection),
        best=value(connection, _BEST),
        traffic=load_traffic(connection, now),
        completions_today=count_completions(connection, today, started_ms),
    )


def _histories(
    connection: apsw.Connection, since: datetime, now: datetime
) -> tuple[dict[Target, CheckHistory], int]:
    """Read two million rows in about two seconds; apsw lets other threads run between rows."""
    histories: dict[Target, CheckHistory] = {}
    wrong = future = 0
    since_ms, until_ms = epoch_ms(since.timestamp()), epoch_ms(now.timestamp()) + AHEAD_MS
    bounds = {"hour": since_ms // HOUR_MS, "since": since_ms, "until": until_ms}
    for row in connection.execute(_CHECKS, bounds):
        name, model, at, outcome, latency, completions, sound, ahead, ttft_ms = row
        code = _CODES.get(outcome)
        if code is None or not sound:
            wrong += 1
            continue
        future += ahead  # the statistics set them apart until that time
        history = histories.get((name, model))
        if history is None:
            history = histories[name, model] = CheckHistory()
        if ttft_ms is not None:
            history.ttft_ms.append((len(history), ttft_ms))
        history.at.append(at)
        history.latency_ms.append(math.nan if latency is None else latency)
        history.kinds.append(code)
        history.completions.append(completions)
    if wrong:
        log.warning("skipped checks with an unknown outcome or a value out of range", rows=wrong)
    if future:
        log.warning(
            "checks set apart: their dates are in the future, so a clock was wrong", rows=future
        )
    return histories, wrong


def _states(connection: apsw.Connection) -> dict[Target, str]:
    return {(name, model): state for name, model, state in connection.execute(_STATES)}


def load_overrides(connection: apsw.Connection) -> dict[str, OverrideRecord]:
    """Load what operators have tuned, by provider."""
    rows = connection.execute("SELECT provider_name, interval_seconds, enabled FROM overrides")
    return {
        name: OverrideRecord(
            provider=name,
            interval_seconds=interval,
            enabled=None if enabled is None else bool(enabled),
        )
        for name, interval, enabled in rows
    }
