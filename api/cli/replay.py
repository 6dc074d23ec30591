"""``replay``: how ranking policies would have fared on recorded history."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from api.cli.errors import ExitCode, UsageError
from api.cli.options import AsJson, ConfigFile
from api.cli.tables import milliseconds, percent, show, table
from tracker.config import read_config
from tracker.replay import ReplayError, replay_files
from tracker.runtime.logs import configure_logs

DatabaseFile = Annotated[
    Path | None,
    Parameter(name="--database", help="A tracker's database [default: the configured one]."),
]
Trace = Annotated[Path | None, Parameter(name="--trace", help="A CSV trace instead of a database.")]
Policies = Annotated[
    tuple[str, ...],
    Parameter(
        name="--policy",
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
    """Run policies over recorded checks and judge each choice at the next observation."""
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


def _table(document: dict[str, Any]) -> Table:
    shown = table("policy", "choices", "success", "latency", "regret", "switches")
    for result in document["policies"]:
        shown.add_row(
            Text(result["policy"]),
            str(result["n"]),
            percent(result["success_percent"]),
            milliseconds(result["latency_ms"]),
            milliseconds(result["cost_regret_ms"]),
            str(result["switches"]),
        )
    shown.caption = "\n".join(document["notes"]) or None
    return shown
