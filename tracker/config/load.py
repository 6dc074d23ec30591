"""Loading the configuration: defaults, tracker.toml, the environment and .env, in this order."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from tracker.config.alerts import resolve_alerts
from tracker.config.catalogue import load_catalogue
from tracker.config.cluster import resolve_cluster
from tracker.config.environment import Environment, find_token, read_environment
from tracker.config.errors import (
    ConfigError,
    ConfigProblem,
    environment_mask,
    format_key_path,
    format_value,
)
from tracker.config.file import find_file, read_toml
from tracker.config.maintenance import resolve_maintenance
from tracker.config.resolve import ResolvedProvider, merge_providers
from tracker.config.schema import (
    ConfigTable,
    RankingTable,
    ReportsTable,
    ServerTable,
    TrackerTable,
)
from tracker.config.structure import structure
from tracker.config.timing import merge_timing
from tracker.core.redaction import Mask, Secret
from tracker.core.settings import Config, RankingSettings, ReportSettings, ServerSettings
from tracker.models.aliases import find_alias_problems
from tracker.models.tasks import other_task

DOTENV = Path(".env")
# The first parts of the paths of our own API and pages.
OWN_PATHS = frozenset(
    {"api", "badge", "dashboard", "docs", "livez", "metrics", "openapi.json", "plain", "readyz"}
)


def read_config(
    path: Path | str | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    dotenv: Path | None = DOTENV,
    database: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> Config:
    """Read the effective configuration.

    path: the file; None takes tracker.toml where it exists. environ: None takes the process's;
    it wins over ``dotenv``, which may be absent. database, host, port: from the command line;
    they win over the file. Raises ConfigError with every mistake; no secret is in its text.
    """
    source = find_file(None if path is None else Path(path))
    environment = read_environment(os.environ if environ is None else environ, dotenv)
    table, mistakes = structure({} if source is None else read_toml(source))
    table = _overridden(table, database=database, host=host, port=port)
    return _resolve(table, environment, mistakes, str(source) if source else None)


def _resolve(
    table: ConfigTable,
    environment: Environment,
    mistakes: tuple[ConfigProblem, ...],
    source: str | None,
) -> Config:
    """Resolve what was read. mistakes: those of the file. Raises ConfigError with all of them."""
    merged = merge_providers(table, environment.variables)
    timing, too_long = merge_timing({}, table.tracker)
    server, refused = _server(table.server, environment.variables)
    mistakes += _alias_mistakes(table, merged)
    reports, bad_token = _reports(table.reports, environment.variables)
    alerts = resolve_alerts(table.alerts, environment.variables)
    maintenance = resolve_maintenance(table.maintenance, {*load_catalogue(), *table.providers})
    cluster, misled = resolve_cluster(table.cluster, environment.variables)
    mistakes += misled
    mistakes += (*environment.mistakes, *too_long, *refused, *bad_token, *_mistakes(merged))
    said = {mistake.key for mistake in mistakes}
    mistakes += (*alerts.mistakes, *(m for m in maintenance.mistakes if m.key not in said))
    _refuse(mistakes, environment.variables, source)
    return Config(
        **_pick_written(table.tracker, Config),
        timing=timing,
        providers=tuple(m.provider for m in merged if m.provider is not None),
        server=server,
        model_aliases=dict(table.models),
        ranking=RankingSettings(**_pick_written(table.ranking, RankingSettings)),
        alerts=alerts.settings,
        maintenance=maintenance.windows,
        reports=reports,
        cluster=cluster,
        source=source,
        warnings=(*environment.warnings, *alerts.warnings, *_provider_warnings(merged)),
    )


def _mistakes(merged: Iterable[ResolvedProvider]) -> tuple[ConfigProblem, ...]:
    return tuple(mistake for one in merged for mistake in one.mistakes)


def _refuse(
    mistakes: Iterable[ConfigProblem], environ: Mapping[str, str], source: str | None
) -> None:
    """Raise ConfigError with every mistake once, keys masked; return where there is none."""
    once = dict.fromkeys(mistakes)
    if once:
        raise ConfigError(_mask_mistakes(once, environment_mask(environ)), source=source)


def _provider_warnings(merged: Sequence[ResolvedProvider]) -> Iterator[str]:
    yield from (text for one in merged for text in one.warnings)
    yield from _not_for_chat(merged)


def _not_for_chat(merged: Iterable[ResolvedProvider]) -> Iterator[str]:
    """Warn about watched models whose completions will be refused: they do something else."""
    for provider in (one.provider for one in merged if one.provider is not None):
        for model in provider.models:
            if (task := other_task(model)) is not None:
                key = format_key_path(("providers", provider.name, "models"))
                yield f"{key}: {model} is probably not a chat model ({task})"


def _alias_mistakes(
    table: ConfigTable, merged: Iterable[ResolvedProvider]
) -> tuple[ConfigProblem, ...]:
    """Check [models] against every provider that is known here, also one that lacks its key."""
    problems = find_alias_problems(table.models, [one.name for one in merged])
    return tuple(
        ConfigProblem(key=format_key_path(("models", found.name)), problem=found.problem)
        for found in problems
    )


def _mask_mistakes(mistakes: Iterable[ConfigProblem], mask: Mask) -> list[ConfigProblem]:
    """Mask every key of the environment in mistakes, wherever it may have been copied to."""
    return [
        ConfigProblem(**{k: v and mask(v) for k, v in attrs.asdict(mistake).items()})
        for mistake in mistakes
    ]


def _pick_written(
    table: TrackerTable | RankingTable | ServerTable | ReportsTable, settings: type
) -> dict[str, Any]:
    """Return what the table sets of these settings' fields."""
    values = {f.name: getattr(table, f.name, None) for f in attrs.fields(settings)}
    return {name: value for name, value in values.items() if value is not None}


def _server(
    table: ServerTable, environ: Mapping[str, str]
) -> tuple[ServerSettings, tuple[ConfigProblem, ...]]:
    """Return server settings with their tokens; a missing read token must not open everything."""
    settings = ServerSettings(**_pick_written(table, ServerSettings))
    admin = find_token(settings.admin_token_env, environ)
    read = find_token(settings.read_token_env, environ) if settings.read_token_env else None
    mistakes = [found for found in (admin, read) if isinstance(found, ConfigProblem)]
    if settings.read_token_env and read is None:
        problem = f"{settings.read_token_env} is not set, so anybody could read"
        mistakes.append(ConfigProblem(key="server.read_token_env", problem=problem))
    if OWN_PATHS.intersection(settings.root_path.split("/")[:2]):
        problem = (
            "the tracker's own paths start like this: after a proxy has removed the prefix, "
            "the rest would still seem to have it"
        )
        value = format_value(settings.root_path)
        mistakes.append(ConfigProblem(key="server.root_path", value=value, problem=problem))
    settings = attrs.evolve(
        settings,
        admin_token=admin if isinstance(admin, Secret) else None,
        read_token=read if isinstance(read, Secret) else None,
    )
    return settings, tuple(mistakes)


def _reports(
    table: ReportsTable, environ: Mapping[str, str]
) -> tuple[ReportSettings, tuple[ConfigProblem, ...]]:
    settings = ReportSettings(**_pick_written(table, ReportSettings))
    found = find_token(settings.token_env, environ)
    if isinstance(found, ConfigProblem):
        return settings, (found,)
    return attrs.evolve(settings, token=found), ()


def _overridden(
    table: ConfigTable, *, database: str | None, host: str | None, port: int | None
) -> ConfigTable:
    """Apply what the command line said to the tables. Raises ConfigError on a bad port."""
    if port is not None and not 0 <= port <= 65535:
        raise ConfigError(
            [
                ConfigProblem(
                    key="--port", value=str(port), problem="not a port number", allowed="0 to 65535"
                )
            ]
        )
    server = table.server
    server = attrs.evolve(
        server, host=host or server.host, port=server.port if port is None else port
    )
    tracker = attrs.evolve(table.tracker, database=database or table.tracker.database)
    return attrs.evolve(table, server=server, tracker=tracker)
