"""``best``: which provider to use next."""

from typing import Annotated

from cyclopts import Parameter

from api.cli.errors import ExitCode
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.tables import best_table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.schemas.ranking import Best

Candidates = Annotated[str | None, Parameter(help="Only these providers, separated by commas.")]
Exclude = Annotated[str | None, Parameter(help="Without these providers, separated by commas.")]
Model = Annotated[
    str | None,
    Parameter(name=["--model", "-m"], help="Rank the offers of this model, by any of its names."),
]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative=(), help="Print only the name.")]


def best(
    *,
    url: Url = None,
    candidates: Candidates = None,
    exclude: Exclude = None,
    model: Model = None,
    quiet: Quiet = False,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Print which provider to use next, and why.

    --model ranks offers and prints the model id to send. --quiet prints only NAME, or
    NAME/MODEL-ID. Exits 1 when none is usable.
    """
    asked = {"candidates": candidates, "exclude": exclude, "model": model}
    tracker = TrackerClient.for_reading(url, token_env, config)
    document = tracker.ask("/api/providers/best", **asked)
    found = tracker.convert(document, Best)
    if quiet and not json:
        if found.best_provider is not None:
            print("/".join(filter(None, (found.best_provider, found.best_model))))  # noqa: T201
    else:
        show(document, best_table(found), as_json=json)
    return ExitCode.OK if found.best_provider is not None else ExitCode.NOTHING_USABLE
