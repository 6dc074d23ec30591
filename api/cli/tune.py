"""``tune``: change how a running tracker watches one provider, now and after restarts."""

import math
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter

from api.cli.errors import ExitCode, UsageError
from api.cli.options import AsJson, TrackerConfig, Url
from api.cli.sheet import Sheet, clock, mark, table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.schemas import status as schemas
from tracker.core.settings import ServerSettings

Name = Annotated[str, Parameter(help="The provider to change.")]
Interval = Annotated[
    float | None, Parameter(name=["--interval", "-i"], help="Seconds between two checks of it.")
]
Enable = Annotated[bool, Parameter(name="--enable", negative=(), help="Watch it.")]
Disable = Annotated[bool, Parameter(name="--disable", negative=(), help="Stop watching it.")]
Reset = Annotated[
    bool, Parameter(name="--reset", negative=(), help="Return to the values in the file.")
]
Token = Annotated[
    str | None,
    Parameter(
        name="--token-env",
        help="Variable with the admin token "
        f"[default: from --config, else {ServerSettings().admin_token_env}].",
    ),
]


def tune(
    name: Name,
    /,
    *,
    interval: Interval = None,
    enable: Enable = False,
    disable: Disable = False,
    reset: Reset = False,
    url: Url = None,
    token_env: Token = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Change how a running tracker watches one provider.

    Sets its interval, or whether it is watched. The change overrides the file and is kept over
    restarts; `config show` lists such changes.
    """
    wanted = _read_change(interval, enable=enable, disable=disable, reset=reset)
    tracker = TrackerClient.for_changes(url, token_env, config)
    document = tracker.change(f"/api/providers/{quote(name, safe='')}", wanted)
    tuned = tracker.convert(document, schemas.Provider)
    show(document, _table(tuned), as_json=json)
    return ExitCode.OK


def _table(tuned: schemas.Provider) -> Sheet:
    """Show what is in force now."""
    shown = table("provider", "watched", "checked every", "set by", "next check", "status")
    shown.add_row(
        tuned.provider_name,
        "yes" if tuned.enabled else "no",
        f"{tuned.interval_seconds:g} s",
        "tune" if tuned.interval_overridden else "file",
        clock(tuned.next_check),
        mark(tuned.status),
    )
    return shown


def _read_change(
    interval: float | None, *, enable: bool, disable: bool, reset: bool
) -> dict[str, Any]:
    """Return the change in the API's words; null returns to the file's value. Raises UsageError."""
    if enable and disable:
        raise UsageError("give --enable or --disable, not both")
    if reset and (enable or disable or interval is not None):
        raise UsageError("--reset undoes all changes; do not combine it with other options")
    if reset:
        return {"interval_seconds": None, "enabled": None}
    wanted: dict[str, Any] = {"enabled": enable} if enable or disable else {}
    if interval is not None:
        if not math.isfinite(interval):  # JSON cannot express it
            raise UsageError(f"--interval {interval}: give a number of seconds")
        wanted["interval_seconds"] = interval
    if not wanted:
        raise UsageError("nothing to change: give --interval, --enable, --disable or --reset")
    return wanted
