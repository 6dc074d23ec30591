"""``changes``: what changed lately, and why."""

from typing import Annotated

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from api.cli.errors import ExitCode
from api.cli.history import Hours
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.tables import clock, moment, show, table
from api.cli.tracker_client import TrackerClient
from api.schemas import history as schemas

Name = Annotated[str | None, Parameter(help="One provider; everything if left out.")]


def changes(
    name: Name = None,
    *,
    hours: Hours = 24,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Show what changed lately: status, the best provider, offers and model lists."""
    tracker = TrackerClient.for_reading(url, token_env, config)
    document = tracker.ask("/api/providers/changes", hours=str(hours), provider=name)
    found = tracker.convert(document, schemas.Changes)
    show(document, _table(found), as_json=json)
    return ExitCode.OK


def _table(found: schemas.Changes) -> Table:
    time = clock if found.hours <= 24 else moment
    shown = table("time", "what", "provider", "before", "after", "why")
    for change in found.changes:
        shown.add_row(
            time(change.timestamp),
            change.kind,
            Text(change.provider_name or ""),
            Text(change.before or "–"),
            Text(change.after or "–"),
            Text(change.reason),
        )
    return shown
