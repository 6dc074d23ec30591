"""The commands by name; each lives in a module of its own, loaded when it is asked for.

The server's libraries take longer to load than a question takes to answer.
"""

from collections.abc import Callable
from importlib.metadata import version

from cyclopts import App

# The first line of each command's help: its module is not loaded for a list of commands.
COMMANDS = {
    "serve:serve": "Watch the providers, serve the API and the dashboard.",
    "probe:probe": "Check providers once, without server or database.",
    "status:status": "Show every provider of a running tracker, or one in full.",
    "best:best": "Print which provider to use next, and why.",
    "models:models": "Show who offers which model, best offer first.",
    "history:history": "Show past checks, one by one or in buckets.",
    "changes:changes": "Show what changed lately, and why.",
    "export:export": "Write the present status to a file, as CSV or JSON.",
    "tune:tune": "Change how a running tracker watches one provider.",
    "incidents:incidents": "Show what is or was wrong, since when, and who was told.",
    "incidents:ack": "Say that somebody takes care of an incident.",
    "incidents:mute": "Tell nobody of a provider for a while.",
    "alerts:alerts": "Send a test message to every alert target.",
    "cluster:cluster": "Make the hub of many trackers, and show how they stand to each other.",
    "providers:providers": "List the catalogue: what is configured, what would enable the rest.",
    "config:config": "Check the configuration, show it, print its JSON Schema.",
    "doctor:doctor": "Find out whether a tracker would run well here.",
    "replay:replay": "Run ranking policies over recorded history.",
    "completion:completion": "Print a script that completes commands, options and providers.",
    "demo:demo": "Start simulated providers and a tracker on them.",
}


def make_app(in_full: Callable[[str], bool]) -> App:
    """Collect the commands; those ``in_full`` are described by their whole docstring."""
    made = App(
        name="provider-status",
        help="Knows which LLM provider works, how fast, how close to its limit, which to use next.",
        version=lambda: version("provider-status-tracker"),
        backend="trio",
        result_action="return_value",
    )
    for place, line in COMMANDS.items():
        name = place.partition(":")[2]
        made.command(f"api.cli.{place}", help=None if in_full(name) else line)
    return made
