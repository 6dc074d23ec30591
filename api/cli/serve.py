"""``serve``: run the tracker."""

from pathlib import Path

import structlog
import trio

from api.cli.errors import ExitCode
from api.cli.keyless import LEAVE_OUT, keyless_completions
from api.cli.options import ConfigFile, Database, Host, LogFormat, LogLevel, Port
from api.cli.systemd import notify_systemd
from api.server import serve as run_server
from api.serving.descriptors import raise_descriptor_limit
from tracker.alerts.targets import check_targets
from tracker.config import read_config
from tracker.config.cluster import check_driver
from tracker.core.redaction import mask_of
from tracker.core.settings import Config
from tracker.runtime.garbage_collection import collect_garbage, tune_garbage_collector
from tracker.runtime.logs import configure_logs, mask_in_logs
from tracker.runtime.reload import Reloader
from tracker.runtime.thread_switching import switch_threads_often
from tracker.runtime.tracker import Tracker

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
    """Watch the providers, serve the API and the dashboard.

    Stops at SIGTERM or Ctrl-C; results stay in the database. It also watches six G4F endpoints that
    need no key: each check requests a completion of one token. To exclude one, set
    `enabled = false` in its section of tracker.toml, for example `[providers.g4f_main]`; to exclude
    all that the file does not name, set `discover = false`. A changed file is used immediately, and
    also after SIGHUP; a file with mistakes changes nothing.
    """
    configure_logs(log_format, log_level)
    tune_garbage_collector()
    raise_descriptor_limit()
    switch_threads_often()

    def read(file: Path | None) -> Config:
        settings = read_config(file, database=database, host=host, port=port)
        check_targets(settings.alerts)
        check_driver(settings.cluster)
        return settings

    # As at a reload: a file of a thousand providers would hold the event loop.
    settings = await trio.to_thread.run_sync(read, config)
    mask_in_logs(mask_of(settings.secrets()))
    log_startup_summary(settings)
    reloader = Reloader(read, settings)

    async def reload(tracker: Tracker) -> None:
        await reloader.reload(tracker)

    beside = (reloader.watch, notify_systemd, collect_garbage)
    await run_server(settings, on_hangup=reload, beside=beside)
    return ExitCode.OK


def log_startup_summary(settings: Config) -> None:
    """Say what will be watched and, where no key was found, how to add one."""
    for warning in settings.warnings:
        log.warning(warning)
    keyed = [p.name for p in settings.providers if p.keys]
    keyless = [p.name for p in settings.providers if not p.keys]
    log.info("watching", with_key=", ".join(keyed) or None, without=", ".join(keyless) or None)
    if asked := keyless_completions(settings.providers):
        told = f"each check requests a completion of one token, without a key; {LEAVE_OUT}"
        log.info(told, providers=", ".join(asked))
    if settings.discover and not keyed:
        log.warning(
            "no API key found: set one, for example GROQ_API_KEY, in the environment or in .env; "
            "`provider-status providers` lists every variable"
        )
