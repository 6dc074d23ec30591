"""``status``: what a running tracker knows about every provider, or all details of one."""

from typing import Annotated
from urllib.parse import quote

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from api.cli.errors import ExitCode, UsageError
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.provider_card import provider_card
from api.cli.tables import providers_table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.cli.watch import follow
from api.schemas import incidents
from api.schemas import status as schemas

Name = Annotated[str | None, Parameter(help="One provider in full; left out: all.")]
Watch = Annotated[
    bool,
    Parameter(name=["--watch", "-w"], negative=(), help="Keep showing every change until Ctrl-C."),
]


def status(
    name: Name = None,
    /,
    *,
    watch: Watch = False,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Show every provider of a running tracker, or one in full.

    A limit marked ~ is an estimate, because the provider states none. --watch with --json prints
    one document per line at each change; stderr says when the tracker stops answering and when it
    answers again. Without --watch, stderr also has the tracker's own problems, as
    /api/providers/health tells them: an unavailable database, another tracker on the same file.
    """
    tracker = TrackerClient.for_reading(url, token_env, config)
    if watch and name is not None:
        raise UsageError("--watch shows all providers: leave out the name")
    if watch:
        follow(tracker, as_json=json)
        return ExitCode.OK
    if name is not None:
        document = tracker.ask(f"/api/providers/status/{quote(name, safe='')}")
        one = tracker.convert(document, schemas.Provider)
        show(document, Text() if json else _card(tracker, one), as_json=json)
        tracker.warn_of_problems()
        return ExitCode.OK
    document = tracker.ask("/api/providers/status")
    listed = tracker.convert(document, schemas.Status).providers
    show(document, providers_table(listed.values()), as_json=json)
    tracker.warn_of_problems()
    return ExitCode.OK


def _card(tracker: TrackerClient, one: schemas.Provider) -> RenderableType:
    found = tracker.convert(tracker.ask("/api/incidents", hours="1"), incidents.Incidents)
    planned = tracker.convert(tracker.ask("/api/maintenance"), incidents.Maintenance)
    return provider_card(one, found.incidents, planned.maintenance)
