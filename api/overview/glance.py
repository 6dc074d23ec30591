"""The top of the dashboard: what is wrong, which provider to use, the tracker's health."""

from datetime import timedelta
from typing import Any

from api.schemas.convert import convert, instant
from api.schemas.incidents import Incident
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Ranked, Ranking
from tracker.core.snapshot import Snapshot
from tracker.runtime.diagnostics import TrackerHealth

LINES = 4  # the best and the next ones, with their numbers
ORDERED = 200  # places sent by name; after them the page sorts by expected time itself
OPEN = 60  # open incidents sent in full: nobody reads more
OVER = 5  # those that ended recently
LATELY = timedelta(hours=24)
# With more, the fallback order, which needs every line, is not computed for a page.
FALLBACKS = 1_000


def view_best(snapshot: Snapshot) -> dict[str, Any]:
    """Return who to use, and why, in the few figures that fit on a line."""
    ranking = snapshot.ranking
    named = _attempts(ranking)
    lines = {line.provider: line for line in ranking.ordered}
    shown = [lines[name] for name in named[:LINES]]
    until = ranking.valid_until
    return {
        "best_provider": ranking.best,
        "reason": ranking.reason,
        "usable": len(ranking.ordered),
        "order": [line.provider for line in ranking.ordered[:ORDERED]],
        "lines": [_view_line(line, snapshot.providers[line.provider]) for line in shown],
        "soonest": None if ranking.best is not None else _soonest(ranking),
        "last_resort": ranking.last_resort[:3] if ranking.best is None else (),
        "valid_until": None if until is None else instant(until),
        "swept": snapshot.swept,
        "policy": ranking.policy,
    }


def _attempts(ranking: Ranking) -> tuple[str, ...]:
    """Return the names in the order in which a caller would try them."""
    if ranking.best is None:
        return ()
    if len(ranking.ordered) <= FALLBACKS:
        return ranking.best, *ranking.alternatives
    return tuple(line.provider for line in ranking.ordered[:LINES])


def _view_line(line: Ranked, provider: ProviderStatus) -> dict[str, Any]:
    return {
        "provider_name": line.provider,
        "latency_ms": _rounded(line.latency_ms, 1),
        "uptime_1h": _rounded(provider.uptime.hour, 2),
        "samples": line.samples,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _soonest(ranking: Ranking) -> dict[str, str] | None:
    known = [each for each in ranking.excluded if each.until is not None]
    if not known:
        return None
    first = min(known, key=lambda each: (each.until, each.provider))
    assert first.until is not None
    return {"provider_name": first.provider, "until": instant(first.until)}


def view_incidents(snapshot: Snapshot) -> dict[str, Any]:
    """Return what is wrong, newest first within what is open, and what ended lately."""
    log = snapshot.incidents
    opened = [each for each in log.incidents if each.closed_at is None]
    since = snapshot.timestamp - LATELY
    over = [each for each in log.incidents if each.closed_at is not None and each.closed_at > since]
    return {
        "open": [convert(Incident, each) for each in opened[:OPEN]],
        "open_count": len(opened),
        "over": [convert(Incident, each) for each in over[:OVER]],
        "over_count": len(over),
        "mutes": {name: instant(until) for name, until in log.mutes.items()},
    }


def view_health(health: TrackerHealth) -> dict[str, Any]:
    """Return the tracker's own state without its actors, of which there may be thousands."""
    return {
        "status": health.status,
        "problems": [*health.problems, *health.configuration_errors],
        "ready": health.ready,
        "started_at": instant(health.started_at),
        "watched": health.providers_monitored,
        "database": health.database.state,
        "buffered": health.database.buffered,
        "dropped": health.database.dropped,
        "policy": health.policy,
    }
