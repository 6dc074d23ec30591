"""``history``: past checks of a running tracker."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from cyclopts import Parameter, Token
from cyclopts.validators import Number

from api.cli.errors import ExitCode
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.tables import history_table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.schemas import history as schemas


class HistoryShape(msgspec.Struct):
    """What tells the two shapes of a history apart."""

    resolution_seconds: float | None


def _whole(_: Any, tokens: Sequence[Token]) -> int:
    try:
        return int(tokens[0].value)  # cyclopts' own takes 1.5, and rounds it
    except ValueError:
        raise ValueError("it must be a whole number from 1 to 168") from None


Name = Annotated[str | None, Parameter(help="One provider; every one if left out.")]
Model = Annotated[
    str | None, Parameter(name=["--model", "-m"], help="Checks of this offer instead.")
]
Hours = Annotated[
    int,
    Parameter(
        name="--hours",
        help="How far back, 1 to 168.",
        converter=_whole,
        validator=Number(gte=1, lte=168),
    ),
]


def history(
    name: Name = None,
    /,
    *,
    hours: Hours = 24,
    model: Model = None,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Show past checks, one by one or in buckets.

    Buckets where a provider has more than 2,000 checks in the time asked for.
    """
    path = "/api/providers/history" + ("" if name is None else f"/{quote(name, safe='')}")
    tracker = TrackerClient.for_reading(url, token_env, config)
    document = tracker.ask(path, hours=str(hours), model=model)
    raw = tracker.convert(document, HistoryShape).resolution_seconds is None
    tracker.convert(document, schemas.RawHistory if raw else schemas.BucketHistory)
    show(document, history_table(document), as_json=json)
    return ExitCode.OK
