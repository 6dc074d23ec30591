"""``replay``: how ranking policies would have done on recorded history."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from api.cli.errors import ExitCode, UsageError
from api.cli.options import AsJson, ConfigFile
from api.cli.sheet import milliseconds, percent, table
from api.cli.terminal import show
from tracker.config import read_config
from tracker.replay import ReplayError, replay_files
from tracker.runtime.logs import configure_logs

DatabaseFile = Annotated[
    Path | None,
    Parameter(name=["--database", "-d"], help="A tracker's database [default: from --config]."),
]
Trace = Annotated[Path | None, Parameter(name="--trace", help="A CSV trace instead of a database.")]
Policies = Annotated[
    tuple[str, ...],
    Parameter(
        name="--policy",
        negative=(),
        help="A shipped policy or module:function, several times [default: all shipped ones].",
    ),
]


async def replay(
    *,
    database: DatabaseFile = None,
    trace: Trace = None,
    policy: Policies = (),
    config: ConfigFile = None,
    json: AsJson = False,
) -> int:
    """Run ranking policies over recorded history.

    Each choice is compared with the next recorded check.
    """
    configure_logs(level="error")
    settings = read_config(config)
    try:
        document = await replay_files(
            trace=trace, database=database, policies=policy, config=settings
        )
    except ReplayError as error:
        raise UsageError(str(error)) from error
    show(document, _table(document), as_json=json)
    return ExitCode.OK


def _table(document: dict[str, Any]) -> RenderableType:
    shown = table("policy", "choices", "success", "latency", "regret", "switches")
    for result in document["policies"]:
        shown.add_row(
            result["policy"],
            str(result["n"]),
            percent(result["success_percent"]),
            milliseconds(result["latency_ms"]),
            milliseconds(result["cost_regret_ms"]),
            str(result["switches"]),
        )
    return Group(shown, *(Text(note) for note in document["notes"]))
