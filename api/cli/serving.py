"""``serve``: the main job."""

import structlog

from api.cli.failures import Exit
from api.cli.options import ConfigFile, Database, Host, LogFormat, LogLevel, Port
from api.server import serve as run_server
from tracker.config import read_config
from tracker.logs import configure_logs, mask_in_logs
from tracker.secret import Mask
from tracker.settings import Config

log = structlog.get_logger()


async def serve(
    *,
    config: ConfigFile = None,
    database: Database = None,
    host: Host = None,
    port: Port = None,
    log_format: LogFormat = "text",
    log_level: LogLevel = "info",
) -> int:
    """Watch the providers, keep the database, serve the API and the dashboard until SIGTERM."""
    configure_logs(log_format, log_level)
    settings = read_config(config, database=database, host=host, port=port)
    mask_in_logs(Mask(settings.secrets()))
    greet(settings)
    await run_server(settings)
    return Exit.OK


def greet(settings: Config) -> None:
    """Say what will be watched and, where no key was found, how to add one."""
    for warning in settings.warnings:
        log.warning(warning)
    keyed = [p.name for p in settings.providers if p.keys]
    keyless = [p.name for p in settings.providers if not p.keys]
    log.info("watching", with_key=", ".join(keyed) or None, without=", ".join(keyless) or None)
    if settings.discover and not keyed:
        log.warning(
            "no API key found: set for instance GROQ_API_KEY, in the environment or in .env; "
            "`provider-status providers` lists every variable"
        )
