"""``cluster``: create the hub's tables, and show the state of the trackers."""

import os
from collections.abc import Iterator
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Group
from rich.text import Text

from api.cli.errors import ExitCode, UsageError
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.sheet import Sheet, table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.schemas import cluster as schemas
from tracker.config import DOTENV
from tracker.config.environment import read_environment
from tracker.core.redaction import Secret

OWNER = "PROVIDER_STATUS_POSTGRES_OWNER"
EXTRA = (
    "the PostgreSQL driver is not installed: pip install 'provider-status-tracker[server,postgres]'"
)

cluster = App(
    name="cluster",
    help="Set up the hub of several trackers, and show their state.",
)


@cluster.command
def status(
    *,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Show the members of a running tracker's cluster; exits 1 while its hub cannot be used."""
    tracker = TrackerClient.for_reading(url, token_env, config)
    document = tracker.ask("/api/cluster")
    found = tracker.convert(document, schemas.Cluster)
    show(document, Group(_members(found), Text("\n".join(_lines(found)))), as_json=json)
    return ExitCode.OK if found.hub_up else ExitCode.NOTHING_USABLE


def _members(found: schemas.Cluster) -> Sheet:
    shown = table("vantage", "member", "version", "leases", "")
    for member in found.members:
        here = "this tracker" if member.ourselves else ""
        shown.add_row(member.vantage, member.url, member.version, str(member.leases), here)
    return shown


def _lines(found: schemas.Cluster) -> Iterator[str]:
    skew = "unknown" if found.skew_seconds is None else f"{found.skew_seconds:+.2f} s"
    yield f"vantage {found.vantage}; the hub {'answers' if found.hub_up else 'cannot be used'}"
    lag = "unknown" if found.lag is None else str(found.lag)
    yield f"checks waiting for the hub: {lag}; refused: {found.skipped}; its clock: {skew}"
    yield from found.problems


@cluster.command
def migrate(
    *,
    url_env: Annotated[
        str, Parameter(name="--url-env", help="Variable with the URL of the database's owner.")
    ] = OWNER,
    retention_days: Annotated[
        int, Parameter(name="--retention-days", help="Days for which partitions are created.")
    ] = 7,
) -> int:
    """Create the hub's tables, functions and roles, or upgrade older ones."""
    try:
        from tracker.cluster.hub import HubAway  # noqa: PLC0415 (an extra of its own)
        from tracker.cluster.migrate import migrate as run  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(EXTRA) from error
    found = read_environment(os.environ, DOTENV).variables.get(url_env)
    if found is None:
        raise UsageError(f"{url_env} is not set: it must contain the URL of the database's owner")
    try:
        done = run(Secret(found), retention_days)
    except HubAway as error:
        print(f"not migrated: {error.reason}")  # noqa: T201 (a command's own output)
        return ExitCode.NOTHING_USABLE
    before = f"from schema {done.before} " if done.before else ""
    print(f"migrated {before}to schema {done.after}")  # noqa: T201
    for role in done.missing_roles:
        print(  # noqa: T201
            f"the role {role} could not be created: let a database administrator run "
            f"`CREATE ROLE {role} NOLOGIN`, then migrate again"
        )
    return ExitCode.OK if not done.missing_roles else ExitCode.NOTHING_USABLE
