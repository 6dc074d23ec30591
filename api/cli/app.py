"""The commands by name; each lives in a module of its own."""

from importlib.metadata import version
from typing import Annotated, Literal

from cyclopts import App, Parameter

from api.cli import (
    asking,
    configuration,
    demo,
    doctor,
    exporting,
    listing,
    probing,
    replaying,
    serving,
    tuning,
)
from api.cli.failures import Exit

Shell = Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell to complete in.")]

app = App(
    name="provider-status",
    help="Knows which LLM provider works, how fast, how close to its limit, and which to use next.",
    version=lambda: version("provider-status-tracker"),
    backend="trio",
    result_action="return_value",
)
app.command(serving.serve)
app.command(probing.probe)
app.command(asking.status)
app.command(asking.best)
app.command(asking.history)
app.command(exporting.export)
app.command(tuning.tune)
app.command(listing.providers)
app.command(configuration.config)
app.command(doctor.doctor)
app.command(replaying.replay)
app.command(demo.demo)


@app.command
def completion(shell: Shell) -> int:
    """Print a script that completes commands and options: `eval "$(… completion bash)"`."""
    print(app.generate_completion(shell=shell))  # noqa: T201 (a command's own output)
    return Exit.OK
