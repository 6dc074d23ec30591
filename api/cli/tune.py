"""``tune``: change how a running tracker watches one provider, at once and for later starts."""

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
    float | None, Parameter(name=["--interval", "-i"], help="Seconds between two of its checks.")
]
Enable = Annotated[bool, Parameter(name="--enable", negative=(), help="Watch it.")]
Disable = Annotated[bool, Parameter(name="--disable", negative=(), help="Watch it no longer.")]
Reset = Annotated[
    bool, Parameter(name="--reset", negative=(), help="Return to what the file says.")
]
Token = Annotated[
    str | None,
    Parameter(
        name="--token-env",
        help="Variable that holds the admin token "
        f"[default: what --config says, else {ServerSettings().admin_token_env}].",
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

    Its interval, or whether it is watched at all. It is kept over restarts, as an override of the
    file; `config show` lists them.
    """
    wanted = _read_change(interval, enable=enable, disable=disable, reset=reset)
    tracker = TrackerClient.for_changes(url, token_env, config)
    document = tracker.change(f"/api/providers/{quote(name, safe='')}", wanted)
    tuned = tracker.convert(document, schemas.Provider)
    show(document, _table(tuned), as_json=json)
    return ExitCode.OK


def _table(tuned: schemas.Provider) -> Sheet:
    """Show what is in force now."""
    shown = table("provider", "watched", "checked every", "as", "next check", "status")
    shown.add_row(
        tuned.provider_name,
        "yes" if tuned.enabled else "no",
        f"{tuned.interval_seconds:g} s",
        "tuned" if tuned.interval_overridden else "the file says",
        clock(tuned.next_check),
        mark(tuned.status),
    )
    return shown


def _read_change(
    interval: float | None, *, enable: bool, disable: bool, reset: bool
) -> dict[str, Any]:
    """Return the change in the API's words; null returns to the file's value. Raises UsageError."""
    if enable and disable:
        raise UsageError("--enable or --disable, not both")
    if reset and (enable or disable or interval is not None):
        raise UsageError("--reset takes everything back; give it alone")
    if reset:
        return {"interval_seconds": None, "enabled": None}
    wanted: dict[str, Any] = {"enabled": enable} if enable or disable else {}
    if interval is not None:
        if not math.isfinite(interval):  # JSON has no word for it
            raise UsageError(f"--interval {interval}: give a number of seconds")
        wanted["interval_seconds"] = interval
    if not wanted:
        raise UsageError("nothing to change: give --interval, --enable, --disable or --reset")
    return wanted
