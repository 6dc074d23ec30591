"""The commands by name; each lives in a module of its own."""

from importlib.metadata import version

from cyclopts import App

from api.cli import asking, configuration, demo, probing, serving

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
app.command(asking.export)
app.command(configuration.providers)
app.command(configuration.config)
app.command(demo.demo)
