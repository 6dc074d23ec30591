"""The effective configuration without its secrets, and the JSON Schema of the file."""

from typing import Any

import attrs
import msgspec

from tracker.config.catalogue import load_dialects
from tracker.config.errors import without_known_keys
from tracker.config.schema import ConfigTable
from tracker.core.redaction import MASK, Mask, Secret
from tracker.core.settings import (
    AlertSettings,
    ClusterSettings,
    Config,
    MaintenanceWindow,
    Provider,
    RankingSettings,
    ReportSettings,
    ServerSettings,
    Timing,
)


def show_config(config: Config) -> dict[str, Any]:
    """Return the settings in force, as in the file, ready for JSON.

    Keys and tokens show as the names of their variables only. ``moved``: the base URL is not the
    catalogue's.
    """
    document: dict[str, Any] = mask_keys(_document(config), Mask(config.secrets()))
    return document


def mask_keys(value: Any, mask: Mask) -> Any:
    """Mask every key, also where somebody pasted it into a URL, a model or a name."""
    if isinstance(value, str):
        return without_known_keys(mask(value))
    if isinstance(value, list | tuple):
        return [mask_keys(item, mask) for item in value]
    if isinstance(value, dict):
        return {mask_keys(name, mask): mask_keys(item, mask) for name, item in value.items()}
    return value


def _document(config: Config) -> dict[str, Any]:
    server = attrs.asdict(config.server)
    return {
        "source": config.source,
        "warnings": list(config.warnings),
        "tracker": _tracker(config),
        "server": {**server, **_tokens(config.server)},
        "ranking": attrs.asdict(config.ranking),
        "alerts": _alerts(config.alerts),
        "maintenance": [_window(window) for window in config.maintenance],
        "models": {name: list(offers) for name, offers in config.model_aliases.items()},
        "reports": {**attrs.asdict(config.reports), "token": _show_token(config.reports.token)},
        **({} if config.cluster is None else {"cluster": _cluster(config.cluster)}),
        "providers": {provider.name: _provider(provider) for provider in config.providers},
    }


def _tracker(config: Config) -> dict[str, Any]:
    own = (
        *("database", "retention_days", "schedule", "discover", "buffer_limit", "mailbox_size"),
        "completions_per_day",
    )
    return {name: getattr(config, name) for name in own} | attrs.asdict(config.timing)


def _tokens(server: ServerSettings) -> dict[str, str]:
    tokens = {"admin_token": server.admin_token, "read_token": server.read_token}
    return {name: _show_token(token) for name, token in tokens.items()}


def _show_token(token: Secret | None) -> str:
    return "not set" if token is None else "set"


def _alerts(alerts: AlertSettings) -> dict[str, Any]:
    shown = attrs.asdict(alerts, filter=lambda field, _: field.name not in {"targets", "secret"})
    secret = "not set" if alerts.secret is None else "set"
    return {**shown, "targets": [target.name for target in alerts.targets], "secret": secret}


def _cluster(cluster: ClusterSettings) -> dict[str, Any]:
    return attrs.asdict(cluster, filter=lambda field, _: field.name != "url") | {"url": "set"}


def _window(window: MaintenanceWindow) -> dict[str, Any]:
    shown = attrs.asdict(window, recurse=False)
    weekly = window.weekly and attrs.asdict(window.weekly)
    return shown | {"weekly": weekly and weekly | {"days": sorted(weekly["days"])}}


def _provider(provider: Provider) -> dict[str, Any]:
    hidden = {"name", "keys", "timing", "documented_limits", "retiring"}
    shown = attrs.asdict(provider, filter=lambda field, _: field.name not in hidden)
    options = {o: MASK if isinstance(v, Secret) else v for o, v in provider.options.items()}
    return shown | {"options": options} | attrs.asdict(provider.timing)


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of tracker.toml: ranges, defaults, and no unknown keys."""
    schema = msgspec.json.schema(ConfigTable)
    tables = {name: _close_schema(table) for name, table in schema["$defs"].items()}
    kinds = list(load_dialects())
    tables["ProviderTable"]["properties"]["kind"]["enum"] = kinds
    _add_defaults(tables["TrackerTable"], attrs.asdict(Timing()) | attrs.asdict(Config()))
    _add_defaults(tables["ServerTable"], attrs.asdict(ServerSettings()))
    _add_defaults(tables["RankingTable"], attrs.asdict(RankingSettings()))
    _add_defaults(tables["AlertsTable"], attrs.asdict(AlertSettings()))
    _add_defaults(tables["ReportsTable"], attrs.asdict(ReportSettings()))
    defaults = ClusterSettings(url=Secret(""), vantage="")
    shown = attrs.asdict(defaults, filter=lambda field, _: field.name not in {"url", "vantage"})
    _add_defaults(tables["ClusterTable"], shown)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tracker.toml",
        "$ref": schema["$ref"],
        "$defs": tables,
    }


def _close_schema(table: dict[str, Any]) -> dict[str, Any]:
    properties = {name: _plain(value) for name, value in table["properties"].items()}
    return {**table, "properties": properties, "additionalProperties": False}


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Remove the null that stands for "not written": TOML has none."""
    rest = {name: item for name, item in value.items() if name not in {"anyOf", "default"}}
    choices = [choice for choice in value.get("anyOf", []) if choice != {"type": "null"}]
    return rest | (choices[0] if choices else {})


def _add_defaults(table: dict[str, Any], defaults: dict[str, Any]) -> None:
    for name, value in table["properties"].items():
        default = defaults.get(name)
        if default is not None:
            value["default"] = list(default) if isinstance(default, tuple) else default
