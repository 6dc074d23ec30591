"""Tables that people like to read, and JSON for programs."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api import schemas

# Shape and word besides the colour: not everybody sees all colours.
MARKS = {
    "healthy": ("●", "green"),
    "degraded": ("▲", "yellow"),
    "down": ("■", "red"),
    "unknown": ("○", "bright_black"),
}


def show(document: Any, table: Table, *, as_json: bool) -> None:
    """One of the two on stdout."""
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(document)).decode())  # noqa: T201
    else:
        Console().print(table)


def mark(status: str) -> Text:
    shape, colour = MARKS.get(status, ("?", "default"))
    return Text(f"{shape} {status}", style=colour)


def providers_table(providers: Iterable[schemas.Provider]) -> Table:
    table = _table(
        "provider", "status", "latency", "p95", "uptime 24 h", "limit", "last check", "why"
    )
    for one in providers:
        table.add_row(
            Text(one.provider_name),
            mark(one.status),
            _ms(one.response_time_ms),
            _ms(one.latency_ms.p95),
            _percent(one.uptime_percent),
            _percent(one.rate_limit_percent) if one.rate_limit.source != "none" else "–",
            _clock(one.last_check),
            Text(one.reason),
        )
    return table


def best_table(best: schemas.Best) -> Table:
    table = _table("", "provider", "status", "cost", "latency", "risk", "why")
    for place, one in enumerate(best.ranking, start=1):
        risk = one.failure_probability
        table.add_row(
            str(place),
            Text(one.provider_name),
            mark(one.status),
            _ms(one.expected_cost_ms),
            _ms(one.latency_ms),
            _percent(None if risk is None else 100.0 * risk),
            Text(one.reason),
        )
    for out in best.excluded:
        table.add_row("–", Text(out.provider_name), "not usable", "", "", "", Text(out.reason))
    table.caption = best.reason
    return table


def history_table(history: Mapping[str, Any]) -> Table:
    """Raw points or buckets, whichever the tracker answered with."""
    if history["resolution_seconds"] is None:
        table = _table("provider", "time", "status", "outcome", "latency")
        for name, point in _points(history):
            table.add_row(
                Text(name),
                _clock(point["timestamp"]),
                mark(point["status"]),
                point["outcome"],
                _ms(point["response_time_ms"]),
            )
        return table
    table = _table("provider", "from", "checks", "failures", "uptime", "avg", "p95")
    for name, point in _points(history):
        latency = point["latency_ms"] or {}
        table.add_row(
            Text(name),
            _clock(point["timestamp"]),
            str(point["checks"]),
            str(point["failures"]),
            _percent(point["uptime_percent"]),
            _ms(latency.get("avg")),
            _ms(latency.get("p95")),
        )
    return table


def _points(history: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((name, point) for name, points in history["providers"].items() for point in points)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", caption_justify="left")
    for column in columns:
        right = column in {
            "latency",
            "p95",
            "avg",
            "cost",
            "risk",
            "uptime 24 h",
            "limit",
            "checks",
        }
        table.add_column(column, justify="right" if right else "left")
    return table


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} %"


def _clock(instant: str | None) -> str:
    """The local part of the day is enough at a glance: UTC, without the date."""
    return "–" if instant is None else f"{instant[11:19]} UTC"
