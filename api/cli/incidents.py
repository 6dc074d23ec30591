"""``incidents``, ``ack``, ``mute``: what is or was wrong, and messages about it."""

import getpass
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from api.cli.errors import ExitCode, UsageError
from api.cli.history import Hours
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.sheet import duration, table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.cli.tune import Token
from api.schemas import incidents as schemas

UNITS = {"s": 1.0 / 60.0, "m": 1.0, "h": 60.0, "d": 1440.0}  # minutes
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")

IncidentId = Annotated[str, Parameter(help="The incident's id, as listed by `incidents`.")]
Name = Annotated[str, Parameter(help="The provider.")]
By = Annotated[
    str | None, Parameter(name="--by", help="Who is working on it [default: your login name].")
]
For = Annotated[str, Parameter(name="--for", help="How long: 30m, 1h, 2d; 0 ends it.")]


def incidents(
    *,
    hours: Hours = 168,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Show what is or was wrong, since when, and the messages sent.

    Open incidents are always listed, closed ones for the last --hours.
    """
    tracker = TrackerClient.for_reading(url, token_env, config)
    document = tracker.ask("/api/incidents", hours=str(hours))
    listed = tracker.convert(document, schemas.Incidents)
    show(document, incidents_table(listed), as_json=json)
    return ExitCode.OK


def ack(
    incident: IncidentId,
    /,
    *,
    by: By = None,
    url: Url = None,
    token_env: Token = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Acknowledge an incident: somebody is working on it.

    No reminders are sent until it is over.
    """
    tracker = TrackerClient.for_changes(url, token_env, config)
    path = f"/api/incidents/{quote(incident, safe='')}/acknowledge"
    document = tracker.post(path, {"by": by or _login()})
    changed = tracker.convert(document, schemas.Incident)
    listed = schemas.Incidents(hours=168, incidents=[changed], mutes={})
    show(document, incidents_table(listed), as_json=json)
    return ExitCode.OK


def mute(
    name: Name,
    /,
    *,
    how_long: For,
    url: Url = None,
    token_env: Token = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Send no messages about a provider for a while.

    Its incidents are still recorded; --for 0 ends it.
    """
    minutes = parse_minutes(how_long)
    tracker = TrackerClient.for_changes(url, token_env, config)
    path = f"/api/providers/{quote(name, safe='')}/mute"
    document = tracker.post(path, {"minutes": minutes})
    muted = tracker.convert(document, schemas.Mute)
    shown = table("provider", "muted until (UTC)")
    shown.add_row(muted.provider_name, _moment(muted.muted_until) or "no longer muted")
    show(document, shown, as_json=json)
    return ExitCode.OK


def parse_minutes(text: str) -> float:
    """Read a duration. Raises UsageError."""
    found = _DURATION.fullmatch(text.strip())
    minutes = 0.0 if text.strip() == "0" else None
    if found is not None:
        minutes = float(found[1]) * UNITS[found[2]]
    if minutes is None or minutes > schemas.LONGEST_MUTE:
        raise UsageError(
            f"--for {text}: give a duration up to 30d, for example 30m, 1h or 2d; 0 ends it"
        )
    return minutes


def incidents_table(listed: schemas.Incidents) -> RenderableType:
    """Show one row for each incident, open ones in bold; a sentence where there was none."""
    if not listed.incidents:
        return Text(f"There were no incidents in the last {listed.hours} h.")
    shown = table("id", "since (UTC)", "for", "told", "by", "why")
    for one in listed.incidents:
        shown.add_row(
            one.id,
            Text(_moment(one.opened_at) or "–", style="" if one.closed_at else "bold red"),
            _write_duration(one),
            _list_targets(one.notified),
            one.acknowledged_by or "–",
            one.summary + (" (it comes and goes)" if one.flapping else ""),
        )
    return shown


def _write_duration(one: schemas.Incident) -> str:
    if one.duration_seconds is not None:
        return duration(one.duration_seconds)
    opened = datetime.fromisoformat(one.opened_at)
    return f"{duration((datetime.now(UTC) - opened).total_seconds())}, open"


def _list_targets(notified: Iterable[schemas.Notification]) -> str:
    """Name the targets that were reached."""
    reached = dict.fromkeys(each.target for each in notified if not each.error)
    return ", ".join(reached) or "–"


def _moment(instant: str | None) -> str | None:
    return None if instant is None else f"{instant[:10]} {instant[11:19]}"


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "command line"
