"""``config``: show the configuration and check whether it is valid."""

import sys
from pathlib import Path
from typing import Any

import trio
from cyclopts import App

from api.cli.errors import ExitCode
from api.cli.options import ConfigFile, Database
from api.cli.sheet import count_noun
from api.cli.terminal import print_json
from tracker.alerts.targets import check_targets
from tracker.config import read_config
from tracker.config.cluster import check_driver
from tracker.config.overrides import effective_config
from tracker.config.show import config_schema, show_config
from tracker.core.records import OverrideRecord
from tracker.core.settings import Config
from tracker.ranking import load_policy
from tracker.runtime.logs import configure_logs
from tracker.store import StoreUnavailable
from tracker.store.errors import Damaged
from tracker.store.loading import load_overrides
from tracker.store.reading import read

config = App(name="config", help="Check the configuration, show it, or print its JSON Schema.")


@config.command
def check(*, config: ConfigFile = None, database: Database = None) -> int:
    """Validate a configuration file and report every mistake at once.

    Each comes with its key, its value and the nearest known key. Warnings go to stderr; a file with
    only warnings is valid.
    """
    settings = read_config(config, database=database)
    load_policy(settings.ranking.policy, settings.ranking)
    check_targets(settings.alerts)
    check_driver(settings.cluster)
    for warning in settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)  # noqa: T201
    where = settings.source or "no file; defaults and environment"
    print(f"ok: {where}; {count_noun(len(settings.providers), 'provider')} to watch")  # noqa: T201
    return ExitCode.OK


@config.command(name="show")
async def show_(*, config: ConfigFile = None, database: Database = None) -> int:
    """Print the settings in force as JSON, secrets masked.

    Changes made with `tune` are applied, and listed under "overrides".
    """
    configure_logs(level="error")
    settings = read_config(config, database=database)
    overrides = await _overrides(settings)
    document = show_config(effective_config(settings, overrides)) | {
        "overrides": {name: _show_override(override) for name, override in overrides.items()}
    }
    print_json(document)
    return ExitCode.OK


@config.command
def schema() -> int:
    """Print the JSON Schema of tracker.toml, for editors."""
    print_json(config_schema())
    return ExitCode.OK


async def _overrides(settings: Config) -> dict[str, OverrideRecord]:
    """Return what operators tuned, as far as the database tells.

    The file stays as it is: nothing is created, upgraded or set aside.
    """
    database = Path(settings.database)
    if not await trio.Path(database).is_file():
        return {}
    try:
        return await read(database, load_overrides, trio.CapacityLimiter(1))
    except (StoreUnavailable, Damaged) as error:
        print(f"warning: not known what was tuned: {database}: {error}", file=sys.stderr)  # noqa: T201
        return {}


def _show_override(override: OverrideRecord) -> dict[str, Any]:
    return {"interval_seconds": override.interval_seconds, "enabled": override.enabled}
