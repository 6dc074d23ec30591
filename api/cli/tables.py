"""The tables of status, ranking and history."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from api.cli.sheet import Sheet, clock, mark, milliseconds, moment, percent, table
from api.schemas import status as schemas
from api.schemas.ranking import Best


def providers_table(providers: Iterable[schemas.Provider]) -> Sheet:
    """Show one row for each provider, under its name."""
    return targets_table((one.provider_name, one) for one in providers)


def targets_table(targets: Iterable[tuple[str, schemas.Provider | schemas.Offer]]) -> Sheet:
    """Lay out providers and offers, a row each, by the names they are given."""
    more = ("p95", "last check")
    shown = table(
        *("provider", "status", "latency", "24 h up", "limit", *more, "why"),
        spare=("24 h up", "limit", "last check", "p95"),
    )
    for name, one in targets:
        shown.add_row(
            name,
            mark(one.status),
            milliseconds(one.response_time_ms),
            percent(one.uptime.day),
            limit_used(one),
            milliseconds(one.latency_ms.p95),
            clock(one.last_check),
            one.reason,
        )
    return shown


def limit_used(one: schemas.Provider | schemas.Offer) -> str:
    """Return how far the worst limit is used; ``~`` marks an estimate of ours."""
    if isinstance(one, schemas.Offer) or one.rate_limit.source == "none":
        return "–"
    mark = "~" if one.rate_limit.source == "estimate" else ""
    return mark + percent(one.rate_limit_percent)


def best_table(best: Best) -> RenderableType:
    """Build the table of the ranking, with the providers that are not in it and the reason."""
    if not best.ranking and not best.excluded:
        return Text(best.reason)
    return Group(_ranking(best), Text(best.reason, style="italic"))


def _ranking(best: Best) -> Sheet:
    model = ("model",) if best.best_model is not None else ()
    shown = table(
        *("", "provider", *model, "status", "time", "latency", "risk", "why"),
        spare=("latency", "risk"),  # the sentence contains them too
    )
    for place, one in enumerate(best.ranking, start=1):
        risk = None if one.failure_probability is None else 100.0 * one.failure_probability
        shown.add_row(
            str(place),
            one.provider_name,
            *(one.model or "" for _ in model),
            mark(one.status),
            milliseconds(one.expected_cost_ms),
            milliseconds(one.latency_ms),
            percent(risk),
            one.reason,
        )
    for out in best.excluded:
        models = (out.model or "" for _ in model)
        shown.add_row("–", out.provider_name, *models, "not usable", "", "", "", out.reason)
    return shown


def history_table(history: Mapping[str, Any]) -> Sheet:
    """Build the table of raw points or of buckets, whichever the tracker answered with."""
    if history["resolution_seconds"] is None:
        return _checks(history)
    zone, time = _time_of(history)
    shown = table(
        *("provider", f"from{zone}", "checks", "failures", "uptime", "avg", "p95"),
        spare=("checks", "avg"),
    )
    for name, point in _points(history):
        latency = point["latency_ms"] or {}
        shown.add_row(
            name,
            time(point["timestamp"]),
            str(point["checks"]),
            str(point["failures"]),
            percent(point["uptime_percent"]),
            milliseconds(latency.get("avg")),
            milliseconds(latency.get("p95")),
        )
    return shown


def _checks(history: Mapping[str, Any]) -> Sheet:
    zone, time = _time_of(history)
    shown = table("provider", f"time{zone}", "status", "outcome", "latency", "why")
    for name, point in _points(history):
        shown.add_row(
            name,
            time(point["timestamp"]),
            mark(point["status"]),
            point["outcome"],
            milliseconds(point["response_time_ms"]),
            point.get("error_message") or "",
        )
    return shown


def _time_of(history: Mapping[str, Any]) -> tuple[str, Any]:
    """Format a moment; within a day without its date."""
    return ("", clock) if history["hours"] <= 24 else (" (UTC)", moment)


def _points(history: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((name, point) for name, points in history["providers"].items() for point in points)
