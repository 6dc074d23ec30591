"""Merges the timings of catalogue, [tracker] and [providers.NAME]."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs

from tracker.config.errors import ConfigProblem, format_key_path
from tracker.config.schema import TimingTable
from tracker.core.settings import Timing

_DEFAULTS = {field.name: getattr(Timing(), field.name) for field in attrs.fields(Timing)}


def merge_timing(
    preset: Mapping[str, Any],
    general: TimingTable,
    own: TimingTable = TimingTable(),
    path: tuple[str, ...] = ("tracker",),
) -> tuple[Timing, tuple[ConfigProblem, ...]]:
    """Merge the defaults, the catalogue's preset, [tracker] and the provider's own table.

    Re-checks are cut to the interval, and so is a timeout that nobody wrote. A longer one that
    the file asks for is a mistake at ``path``.
    """
    written = {**_pick_written(general), **_pick_written(own)}
    values = {**_DEFAULTS, **preset, **written}
    interval = values["interval_seconds"]
    values["recheck_seconds"] = tuple(min(s, interval) for s in values["recheck_seconds"])
    if "timeout_seconds" not in written:
        values["timeout_seconds"] = min(values["timeout_seconds"], interval)
    if values["timeout_seconds"] <= interval:
        return _timing_of(tuple(values.items())), ()
    return Timing(), (_too_long(values["timeout_seconds"], interval, path),)


def _pick_written(table: TimingTable) -> dict[str, Any]:
    values = ((name, getattr(table, name)) for name in _DEFAULTS)
    return {name: value for name, value in values if value is not None}


@lru_cache(maxsize=256)
def _timing_of(values: tuple[tuple[str, Any], ...]) -> Timing:
    """Return one object for all that are timed alike: of ten thousand, nearly all are."""
    return Timing(**dict(values))


def _too_long(timeout: float, interval: float, path: tuple[str, ...]) -> ConfigProblem:
    return ConfigProblem(
        key=format_key_path((*path, "timeout_seconds")),
        value=f"{timeout:g}",
        problem=f"longer than interval_seconds ({interval:g}); checks would overlap",
        allowed=f"at most {interval:g}",
    )
