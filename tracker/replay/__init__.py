"""Running policies over recorded history, with the code of the running tracker."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tracker.core.settings import Config, Timing
from tracker.ranking import SHIPPED, PolicyError, load_policy
from tracker.replay.database import read_database
from tracker.replay.history import History, RecordedCheck, ReplayError
from tracker.replay.scores import Result, rankings, replay
from tracker.replay.states import StateReplay
from tracker.replay.trace import read_trace

__all__ = [
    "History",
    "RecordedCheck",
    "ReplayError",
    "Result",
    "StateReplay",
    "rankings",
    "read_database",
    "read_trace",
    "replay",
    "replay_files",
]


async def replay_files(
    *,
    trace: Path | None = None,
    database: Path | None = None,
    policies: Sequence[str] = (),
    config: Config = Config(),
) -> dict[str, Any]:
    """Return ``{"policies": [...], "notes": [...]}``, ready for JSON, from one of the two files.

    policies: shipped names or ``module:function``; none named: all shipped ones and the
    configured one. Raises ReplayError with a sentence.
    """
    own = {provider.name: provider.timing for provider in config.providers}
    history = await _history(trace, database, config, own)
    names = policies or tuple(dict.fromkeys((*SHIPPED, config.ranking.policy)))
    try:
        loaded = {name: load_policy(name, config.ranking) for name in names}
    except PolicyError as error:
        raise ReplayError(str(error)) from error
    results = replay(history, loaded, timing=config.timing, timings=own)
    return {"policies": [r.as_json() for r in results], "notes": list(history.notes)}


async def _history(
    trace: Path | None, database: Path | None, config: Config, own: Mapping[str, Timing]
) -> History:
    if trace is not None and database is not None:
        raise ReplayError("give a trace or a database, not both")
    if trace is not None:
        return read_trace(trace, timing=config.timing, timings=own)
    return await read_database(database or Path(config.database))
