"""Tables that people like to read, and JSON for programs.

Names and states stay whole at 80 columns: only sentences are broken, and the least needed
columns are left out.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from api.schemas import status as schemas

# Shape and word besides the colour: not everybody sees all colours.
MARKS = {
    "healthy": ("●", "green"),
    "degraded": ("▲", "yellow"),
    "down": ("■", "red"),
    "unknown": ("○", "bright_black"),
}


NARROW = 110  # columns of a terminal
PIPED = 200  # for grep and awk: a row a line, nearly always
SENTENCES = frozenset({"why", "to enable it, set", "by", "what to do", "found"})
NUMBERS = frozenset(
    {
        *("latency", "p95", "avg", "time", "risk", "first token", "24 h up", "uptime", "limit"),
        *("checks", "failures", "choices", "success", "regret", "switches"),
    }
)


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError  # `| head` has what it wants: that is no failure


def console() -> Console:
    """As wide as the terminal; a pipe has no width of its own."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return _Console(width=PIPED if piped else None)


def show(document: Any, shown: RenderableType, *, as_json: bool) -> None:
    """One of the two on stdout."""
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(document)).decode())  # noqa: T201
    else:
        console().print(shown)


def mark(status: str) -> Text:
    shape, colour = MARKS.get(status, ("?", "default"))
    return Text(f"{shape} {status}", style=colour)


def providers_table(providers: Iterable[schemas.Provider]) -> Table:
    return targets_table((one.provider_name, one) for one in providers)


def targets_table(targets: Iterable[tuple[str, schemas.Provider | schemas.Offer]]) -> Table:
    """Lay out providers and offers, a row each, by the names they are given."""
    wide = console().width >= NARROW
    more = ("p95", "last check") if wide else ()
    shown = table("provider", "status", "latency", "24 h up", "limit", *more, "why")
    for name, one in targets:
        shown.add_row(
            Text(name),
            mark(one.status),
            milliseconds(one.response_time_ms),
            percent(one.uptime.day),
            _limit(one),
            *([milliseconds(one.latency_ms.p95), clock(one.last_check)] if wide else []),
            Text(one.reason),
        )
    return shown


def _limit(one: schemas.Provider | schemas.Offer) -> str:
    """How far the worst limit is used; ``~`` marks an estimate of ours."""
    if isinstance(one, schemas.Offer) or one.rate_limit.source == "none":
        return "–"
    mark = "~" if one.rate_limit.source == "estimate" else ""
    return mark + percent(one.rate_limit_percent)


def best_table(best: schemas.Best) -> Table:
    wide = console().width >= NARROW
    more = ("latency", "risk") if wide else ()  # the sentence has them as well
    model = ("model",) if best.best_model is not None else ()
    shown = table("", "provider", *model, "status", "time", *more, "why")
    for place, one in enumerate(best.ranking, start=1):
        risk = None if one.failure_probability is None else 100.0 * one.failure_probability
        shown.add_row(
            str(place),
            Text(one.provider_name),
            *(Text(one.model or "") for _ in model),
            mark(one.status),
            milliseconds(one.expected_cost_ms),
            *([milliseconds(one.latency_ms), percent(risk)] if wide else []),
            Text(one.reason),
        )
    for out in best.excluded:
        name, reason = Text(out.provider_name), Text(out.reason)
        models = (Text(out.model or "") for _ in model)
        shown.add_row("–", name, *models, "not usable", "", *("" for _ in more), reason)
    shown.caption = Text(best.reason)
    if not shown.rows:  # nobody to list: only the reason is left
        shown.show_header = False
        shown.min_width = min(len(best.reason), console().width)
    return shown


def history_table(history: Mapping[str, Any]) -> Table:
    """Raw points or buckets, whichever the tracker answered with."""
    zone, time = ("", clock) if history["hours"] <= 24 else (" (UTC)", moment)
    if history["resolution_seconds"] is None:
        shown = table("provider", f"time{zone}", "status", "outcome", "latency")
        for name, point in _points(history):
            shown.add_row(
                Text(name),
                time(point["timestamp"]),
                mark(point["status"]),
                point["outcome"],
                milliseconds(point["response_time_ms"]),
            )
        return shown
    shown = table("provider", f"from{zone}", "checks", "failures", "uptime", "avg", "p95")
    for name, point in _points(history):
        latency = point["latency_ms"] or {}
        shown.add_row(
            Text(name),
            time(point["timestamp"]),
            str(point["checks"]),
            str(point["failures"]),
            percent(point["uptime_percent"]),
            milliseconds(latency.get("avg")),
            milliseconds(latency.get("p95")),
        )
    return shown


def _points(history: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((name, point) for name, points in history["providers"].items() for point in points)


def table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold", caption_justify="left")
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in NUMBERS else "left",
            no_wrap=column not in SENTENCES,
        )
    return made


def milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} %"


def moment(instant: str) -> str:
    """With the date, and without the zone: 80 columns hold no more."""
    return f"{instant[:10]} {instant[11:19]}"


def clock(instant: str | None) -> str:
    """The local part of the day is enough at a glance: UTC, without the date."""
    return "–" if instant is None else f"{instant[11:19]} UTC"
