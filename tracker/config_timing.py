"""Merges the timings of catalogue, [tracker] and [providers.NAME]."""

from collections.abc import Mapping
from typing import Any

import attrs

from tracker.config_errors import Mistake, dotted
from tracker.config_tables import TimingTable
from tracker.settings import Timing

_FIELDS = [field.name for field in attrs.fields(Timing)]


def merge_timing(
    preset: Mapping[str, Any],
    general: TimingTable,
    own: TimingTable = TimingTable(),
    path: tuple[str, ...] = ("tracker",),
) -> tuple[Timing, tuple[Mistake, ...]]:
    """The catalogue's preset, then [tracker], then what the provider's own table says.

    Re-checks are cut to the interval, and so is a timeout that only the catalogue asked for.
    A longer timeout that the file (or the default) asked for is a mistake, told of ``path``.
    """
    written = {**_written(general), **_written(own)}
    values = {**attrs.asdict(Timing()), **preset, **written}
    interval = values["interval_seconds"]
    values["recheck_seconds"] = tuple(min(s, interval) for s in values["recheck_seconds"])
    if "timeout_seconds" in preset and "timeout_seconds" not in written:
        values["timeout_seconds"] = min(values["timeout_seconds"], interval)
    if values["timeout_seconds"] <= interval:
        return Timing(**values), ()
    return Timing(), (_too_long(values, written, path),)


def _written(table: TimingTable) -> dict[str, Any]:
    values = {name: getattr(table, name) for name in _FIELDS}
    return {name: value for name, value in values.items() if value is not None}


def _too_long(
    values: Mapping[str, Any], written: Mapping[str, Any], path: tuple[str, ...]
) -> Mistake:
    timeout, interval = values["timeout_seconds"], values["interval_seconds"]
    default = "" if "timeout_seconds" in written else ", the default"
    return Mistake(
        key=dotted((*path, "timeout_seconds")),
        value=f"{timeout:g}{default}",
        problem=f"longer than interval_seconds ({interval:g}); checks would overlap",
        allowed=f"at most {interval:g}",
    )
