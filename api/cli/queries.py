"""``status``, ``best``, ``history``: questions to a running tracker."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from cyclopts import Parameter, Token
from cyclopts.validators import Number

from api.cli.errors import ExitCode
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.tables import best_table, history_table, providers_table, show
from api.cli.tracker_client import TrackerClient
from api.cli.watch import follow
from api.schemas import history as schemas_past
from api.schemas import status as schemas


class HistoryShape(msgspec.Struct):
    """What tells the two shapes of a history apart."""

    resolution_seconds: float | None


def _whole(_: Any, tokens: Sequence[Token]) -> int:
    try:
        return int(tokens[0].value)  # cyclopts' own takes 1.5, and rounds it
    except ValueError:
        raise ValueError("it must be a whole number from 1 to 168") from None


Name = Annotated[str | None, Parameter(help="One provider; every one if left out.")]
Hours = Annotated[
    int,
    Parameter(
        name="--hours",
        help="How far back, 1 to 168.",
        converter=_whole,
        validator=Number(gte=1, lte=168),
    ),
]
Names = Annotated[str | None, Parameter(help="Comma-separated providers.")]
Model = Annotated[str | None, Parameter(help="Only providers whose last model list has it.")]
Watch = Annotated[
    bool, Parameter(name="--watch", negative=(), help="Stay and show every change until Ctrl-C.")
]


def status(
    *,
    watch: Watch = False,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """What a running tracker knows of every provider.

    With --watch and --json: one document a line, at each change. Should the tracker go, and
    when it is back, stderr says so.
    """
    tracker = TrackerClient.for_reading(url, token_env, config)
    if watch:
        follow(tracker, as_json=json)
        return ExitCode.OK
    document = tracker.ask("/api/providers/status")
    listed = tracker.understood(document, schemas.Status).providers
    show(document, providers_table(listed.values()), as_json=json)
    return ExitCode.OK


def best(
    *,
    url: Url = None,
    candidates: Names = None,
    exclude: Names = None,
    model: Model = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Which provider to use next, and why. Exits 1 when none is usable."""
    asked = {"candidates": candidates, "exclude": exclude, "model": model}
    tracker = TrackerClient.for_reading(url, token_env, config)
    document = tracker.ask("/api/providers/best", **asked)
    found = tracker.understood(document, schemas.Best)
    show(document, best_table(found), as_json=json)
    return ExitCode.OK if found.best_provider is not None else ExitCode.NOTHING_USABLE


def history(
    name: Name = None,
    *,
    hours: Hours = 24,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """What was: single checks, or buckets of them where there are many."""
    path = "/api/providers/history" + ("" if name is None else f"/{quote(name, safe='')}")
    tracker = TrackerClient.for_reading(url, token_env, config)
    document = tracker.ask(path, hours=str(hours))
    raw = tracker.understood(document, HistoryShape).resolution_seconds is None
    tracker.understood(document, schemas_past.RawHistory if raw else schemas_past.BucketHistory)
    show(document, history_table(document), as_json=json)
    return ExitCode.OK
