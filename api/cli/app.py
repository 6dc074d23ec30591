"""The commands by name; each lives in a module of its own, loaded when it is asked for.

The server's libraries take longer to load than a question takes to answer.
"""

from importlib.metadata import version
from typing import Annotated, Literal

from cyclopts import App, Parameter

from api.cli.errors import ExitCode

Shell = Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell to complete in.")]

app = App(
    name="provider-status",
    help="Knows which LLM provider works, how fast, how close to its limit, and which to use next.",
    version=lambda: version("provider-status-tracker"),
    backend="trio",
    result_action="return_value",
)
app.command("api.cli.serve:serve")
app.command("api.cli.probe:probe")
app.command("api.cli.queries:status")
app.command("api.cli.queries:best")
app.command("api.cli.queries:history")
app.command("api.cli.export:export")
app.command("api.cli.tune:tune")
app.command("api.cli.incidents:incidents")
app.command("api.cli.incidents:ack")
app.command("api.cli.incidents:mute")
app.command("api.cli.alerts:alerts")
app.command("api.cli.providers:providers")
app.command("api.cli.config:config")
app.command("api.cli.doctor:doctor")
app.command("api.cli.replay:replay")
app.command("api.cli.demo:demo")


@app.command
def completion(shell: Shell) -> int:
    """Print a script that completes commands and options: `eval "$(… completion bash)"`."""
    print(app.generate_completion(shell=shell))  # noqa: T201 (a command's own output)
    return ExitCode.OK
