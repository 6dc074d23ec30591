"""``changes``: what changed lately, and why."""

from typing import Annotated

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from api.cli.errors import ExitCode
from api.cli.export import Output
from api.cli.history import Csv, Hours, Since, Until, check_form, write_csv
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.sheet import Sheet, clock, moment, table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.exports.changes_csv import COLUMNS
from api.schemas import history as schemas

PATH = "/api/providers/changes"
MOST_ROWS = "10000"

Name = Annotated[str | None, Parameter(help="One provider; left out: all.")]


def changes(
    name: Name = None,
    /,
    *,
    hours: Hours = 24,
    since: Since = None,
    until: Until = None,
    csv: Csv = False,
    output: Output = None,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Show what changed lately, and why.

    Changes of status, of the best provider, and of incidents, offers and model lists. Shows the
    newest 500, with --csv the newest 10,000.
    """
    check_form(csv=csv, json=json, output=output)
    tracker = TrackerClient.for_reading(url, token_env, config)
    back = None if since else str(hours)
    asked = {"hours": back, "since": since, "until": until, "provider": name}
    if csv:
        write_csv(tracker, PATH, output, COLUMNS[0], **asked, limit=MOST_ROWS)
        return ExitCode.OK
    document = tracker.ask(PATH, **asked)
    found = tracker.convert(document, schemas.Changes)
    nothing = Text(f"Nothing changed in the last {found.hours} h.")
    shown: RenderableType = _table(found) if found.changes else nothing
    show(document, shown, as_json=json)
    return ExitCode.OK


def _table(found: schemas.Changes) -> Sheet:
    time = clock if found.hours <= 24 else moment
    zone = "" if found.hours <= 24 else " (UTC)"
    shown = table(f"at{zone}", "what", "provider", "before", "after", "why", spare=("before",))
    for change in found.changes:
        shown.add_row(
            time(change.timestamp),
            change.kind,
            change.provider_name or "",
            change.before or "–",
            change.after or "–",
            change.reason,
        )
    return shown
