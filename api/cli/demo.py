"""``demo``: a tracker and simulated providers with changing faults."""

import os
import tempfile
from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Parameter

from api.cli.errors import ExitCode
from api.cli.options import Host, LogFormat, LogLevel, Port, UnusedConfigFile
from api.server import serve as run_server
from tracker.config import read_config
from tracker.core.redaction import Mask
from tracker.core.settings import ServerSettings
from tracker.runtime.logs import configure_logs, mask_in_logs
from tracker.testing import open_demo

DemoDatabase = Annotated[
    str | None,
    Parameter(
        name=["--database", "-d"], help="SQLite file, kept afterwards [default: a temporary one]."
    ),
]
Seed = Annotated[int, Parameter(name="--seed", help="Seed of the simulated faults.")]


async def demo(
    *,
    seed: Seed = 0,
    config: UnusedConfigFile = None,  # noqa: ARG001 (common to all commands)
    database: DemoDatabase = None,
    host: Host = None,
    port: Port = None,
    log_format: LogFormat = "text",
    log_level: LogLevel = "warning",
) -> int:
    """Start simulated providers and a tracker that watches them.

    The providers are real HTTP servers on loopback with changing faults. Without --database nothing
    is kept at the end; --log-level info shows what happens.
    """
    configure_logs(log_format, log_level)
    with tempfile.TemporaryDirectory(prefix="provider-status-demo-") as folder:
        file = database or str(Path(folder) / "provider_status.db")
        base = read_config(
            _no_file(folder), _token_only(), dotenv=None, database=file, host=host, port=port
        )
        async with open_demo(seed) as world:
            settings = attrs.evolve(base, providers=world.providers, discover=False)
            mask_in_logs(Mask(settings.secrets()))
            await run_server(settings)
    return ExitCode.OK


def _no_file(folder: str) -> Path:
    """Let the demo be the same everywhere: use no tracker.toml of the working directory."""
    path = Path(folder) / "tracker.toml"
    path.write_text("[tracker]\ndiscover = false\n")
    return path


def _token_only() -> dict[str, str]:
    """Keep only the admin token of the environment, so that tuning can be tried here too."""
    name = ServerSettings().admin_token_env
    return {name: os.environ[name]} if name in os.environ else {}
