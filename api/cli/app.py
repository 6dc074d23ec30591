"""The commands by name; each has its own module, which is loaded only when it is used.

Loading the server's libraries takes longer than most commands.
"""

from collections.abc import Callable
from importlib.metadata import version

from cyclopts import App

# The first line of each command's help, so that listing the commands loads no modules.
COMMANDS = {
    "serve:serve": "Watch the providers, serve the API and the dashboard.",
    "probe:probe": "Check providers once, without server or database.",
    "status:status": "Show every provider of a running tracker, or one in full.",
    "best:best": "Print which provider to use next, and why.",
    "models:models": "Show which providers offer which model, best offer first.",
    "history:history": "Show past checks, one by one or in buckets.",
    "changes:changes": "Show what changed lately, and why.",
    "export:export": "Write the current status to a file, as CSV or JSON.",
    "tune:tune": "Change how a running tracker watches one provider.",
    "incidents:incidents": "Show what is or was wrong, since when, and the messages sent.",
    "incidents:ack": "Acknowledge an incident: somebody is working on it.",
    "incidents:mute": "Send no messages about a provider for a while.",
    "alerts:alerts": "Send a test message to every alert target.",
    "cluster:cluster": "Set up the hub of several trackers, and show their state.",
    "providers:providers": "List known providers: which are configured, how to enable the others.",
    "config:config": "Check the configuration, show it, or print its JSON Schema.",
    "doctor:doctor": "Look for problems on this machine that would affect a tracker.",
    "replay:replay": "Run ranking policies over recorded history.",
    "completion:completion": "Print a script that completes commands, options and providers.",
    "demo:demo": "Start simulated providers and a tracker that watches them.",
}


def make_app(in_full: Callable[[str], bool]) -> App:
    """Collect the commands; those ``in_full`` are described by their whole docstring."""
    made = App(
        name="provider-status",
        help="Watches LLM providers: which work, how fast, near a limit or not, which to use next.",
        version=lambda: version("provider-status-tracker"),
        backend="trio",
        result_action="return_value",
    )
    for place, line in COMMANDS.items():
        name = place.partition(":")[2]
        made.command(f"api.cli.{place}", help=None if in_full(name) else line)
    return made
