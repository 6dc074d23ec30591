"""``alerts test``: send a test message to every target and print the results."""

from cyclopts import App
from rich.console import RenderableType
from rich.text import Text

from api.cli.errors import ExitCode
from api.cli.options import AsJson, TrackerConfig, Url
from api.cli.sheet import table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.cli.tune import Token
from api.schemas import incidents as schemas
from tracker.alerts.targets import SEND_SECONDS

alerts = App(name="alerts", help="Send a test message to every alert target.")


@alerts.command(name="test")
def send_test(
    *,
    url: Url = None,
    token_env: Token = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Send a test message to every alert target, and print the results.

    The targets are those of a running tracker. Exits 1 if one fails.
    """
    tracker = TrackerClient.for_changes(url, token_env, config)
    document = tracker.post("/api/alerts/test", seconds=SEND_SECONDS + 5.0)
    tested = tracker.convert(document, schemas.AlertsTest)
    show(document, _table(tested), as_json=json)
    return ExitCode.OK if tested.delivered == len(tested.targets) else ExitCode.NOTHING_USABLE


def _table(tested: schemas.AlertsTest) -> RenderableType:
    if not tested.targets:
        return Text("No alert target is configured: set PROVIDER_STATUS_ALERTS.")
    shown = table("target", "delivered", "why")
    for one in tested.targets:
        shown.add_row(one.target, "yes" if one.delivered else "no", one.error)
    return shown
