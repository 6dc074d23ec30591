"""``history``: past checks of a running tracker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from cyclopts import Parameter, Token
from cyclopts.validators import Number

from api.cli.errors import ExitCode, UsageError
from api.cli.export import Output, printable_lines, write
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.tables import history_table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.schemas import history as schemas


class HistoryShape(msgspec.Struct):
    """The field that distinguishes the two formats of a history."""

    resolution_seconds: float | None


def _whole(_: Any, tokens: Sequence[Token]) -> int:
    try:
        return int(tokens[0].value)  # cyclopts' own conversion accepts 1.5 and rounds it
    except ValueError:
        raise ValueError("it must be a whole number from 1 to 168") from None


Name = Annotated[str | None, Parameter(help="One provider; left out: all.")]
Model = Annotated[
    str | None,
    Parameter(name=["--model", "-m"], help="Checks of this model at the provider instead."),
]
Hours = Annotated[
    int,
    Parameter(
        name=["--hours", "-n"],
        help="How far back, 1 to 168.",
        converter=_whole,
        validator=Number(gte=1, lte=168),
    ),
]
Since = Annotated[
    str | None,
    Parameter(
        name="--since", help="From this time on, for example 2026-03-01T12:00Z; instead of --hours."
    ),
]
Until = Annotated[str | None, Parameter(name="--until", help="Up to this time [default: now].")]
Csv = Annotated[bool, Parameter(name="--csv", negative=(), help="Write CSV instead of a table.")]


def history(
    name: Name = None,
    /,
    *,
    hours: Hours = 24,
    since: Since = None,
    until: Until = None,
    model: Model = None,
    csv: Csv = False,
    output: Output = None,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Show past checks, one by one or in buckets.

    Buckets are used when a provider has more than 2,000 checks in the period. --csv prints the same
    data for a spreadsheet or a data frame.
    """
    check_form(csv=csv, json=json, output=output)
    path = "/api/providers/history" + ("" if name is None else f"/{quote(name, safe='')}")
    tracker = TrackerClient.for_reading(url, token_env, config)
    back = None if since else str(hours)
    asked = {"hours": back, "since": since, "until": until, "model": model}
    if csv:
        write_csv(tracker, path, output, "provider_name,timestamp", **asked)
        return ExitCode.OK
    document = tracker.ask(path, **asked)
    raw = tracker.convert(document, HistoryShape).resolution_seconds is None
    tracker.convert(document, schemas.RawHistory if raw else schemas.BucketHistory)
    show(document, history_table(document), as_json=json)
    return ExitCode.OK


def check_form(*, csv: bool, json: bool, output: Path | None) -> None:
    """Raise UsageError for forms of output that exclude each other."""
    if output is not None and not csv:
        raise UsageError("--output needs --csv")
    if csv and json:
        raise UsageError("give --csv or --json, not both")


def write_csv(
    tracker: TrackerClient, path: str, output: Path | None, begins: str, **asked: str | None
) -> None:
    """Write an answer as CSV. begins: the columns that a tracker's answer starts with."""
    answer = tracker.fetch(path, **asked, format="csv")
    if not answer.text.startswith(f"{begins},"):
        raise tracker.not_a_tracker()
    write(printable_lines(answer.text), output)
