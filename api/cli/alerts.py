"""``alerts test``: send a message to every target, and print what came back."""

from cyclopts import App
from rich.text import Text

from api.cli.errors import ExitCode
from api.cli.options import AsJson, TrackerConfig, Url
from api.cli.tables import show, table
from api.cli.tracker_client import TrackerClient
from api.cli.tune import Token
from api.schemas import incidents as schemas
from tracker.alerts.targets import SEND_SECONDS

alerts = App(name="alerts", help="Try out who is told of incidents.")


@alerts.command(name="test")
def send_test(
    *,
    url: Url = None,
    token_env: Token = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Send a test message to every alert target of a running tracker; exits 1 if one fails."""
    tracker = TrackerClient.for_changes(url, token_env, config)
    document = tracker.post("/api/alerts/test", seconds=SEND_SECONDS + 5.0)
    tested = tracker.convert(document, schemas.AlertsTest)
    shown = table("target", "delivered", "why")
    for one in tested.targets:
        shown.add_row(Text(one.target), "yes" if one.delivered else "no", Text(one.error))
    if not shown.rows:
        shown.caption = "No target is configured: set PROVIDER_STATUS_ALERTS."
        shown.show_header = False
        shown.min_width = len(shown.caption)
    show(document, shown, as_json=json)
    return ExitCode.OK if tested.delivered == len(tested.targets) else ExitCode.NOTHING_USABLE
