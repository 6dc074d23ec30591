"""The tables of tracker.toml: names, types, ranges and meanings; the JSON Schema is made from it.

None means that a key is not in the file. The defaults are in settings.py.
"""

from typing import Annotated, Any

import attrs
from msgspec import Meta

from tracker.config.alerts_schema import AlertsTable, MaintenanceTable
from tracker.config.cluster_schema import ClusterTable
from tracker.config.field_types import Name, Variable
from tracker.core.settings import LONGEST_SECONDS, SHORTEST_INTERVAL

Recheck = Annotated[float, Meta(gt=0.0, le=LONGEST_SECONDS)]


@attrs.frozen(kw_only=True)
class TimingTable:
    """Settings that [tracker] gives for all and [providers.NAME] for one."""

    interval_seconds: (
        Annotated[
            float,
            Meta(
                ge=SHORTEST_INTERVAL,
                le=LONGEST_SECONDS,
                description="time between two checks of a provider",
            ),
        ]
        | None
    ) = None
    timeout_seconds: (
        Annotated[
            float,
            Meta(
                gt=0.0, le=3600.0, description="limit for a whole check; at most interval_seconds"
            ),
        ]
        | None
    ) = None
    jitter: (
        Annotated[
            float, Meta(ge=0.0, lt=0.5, description="random part of the interval, plus or minus")
        ]
        | None
    ) = None
    recheck_seconds: (
        Annotated[
            tuple[Recheck, ...],
            Meta(
                max_length=100, description="delays after failed checks, each at most the interval"
            ),
        ]
        | None
    ) = None
    failures_to_down: (
        Annotated[
            int, Meta(ge=1, le=1000, description="consecutive failures until a provider is down")
        ]
        | None
    ) = None
    successes_to_recover: (
        Annotated[
            int,
            Meta(ge=1, le=1000, description="consecutive successes after down until it is healthy"),
        ]
        | None
    ) = None
    degraded_latency_ms: (
        Annotated[float, Meta(gt=0.0, le=3_600_000.0, description="answers above this are slow")]
        | None
    ) = None


@attrs.frozen(kw_only=True)
class TrackerTable(TimingTable):
    database: (
        Annotated[Name, Meta(description="database file, created at the first run")] | None
    ) = None
    retention_days: (
        Annotated[float, Meta(gt=0.0, le=3650.0, description="results are deleted after this time")]
        | None
    ) = None
    schedule: Annotated[bool, Meta(description="false: checks only on request")] | None = None
    discover: (
        Annotated[bool, Meta(description="find providers in the environment and .env")] | None
    ) = None
    completions_per_day: (
        Annotated[
            int,
            Meta(ge=0, le=1_000_000, description="completions of all checks together per UTC day"),
        ]
        | None
    ) = None
    buffer_limit: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=10_000_000,
                description="results kept in memory while the database is unavailable",
            ),
        ]
        | None
    ) = None
    mailbox_size: (
        Annotated[
            int, Meta(ge=1, le=1_000_000, description="most results queued for the aggregator")
        ]
        | None
    ) = None


@attrs.frozen(kw_only=True)
class ServerTable:
    host: Annotated[Name, Meta(description="address to listen on")] | None = None
    port: (
        Annotated[int, Meta(ge=0, le=65535, description="port to listen on; 0: any free one")]
        | None
    ) = None
    admin_token_env: (
        Annotated[Variable, Meta(description="variable with the token for making changes")] | None
    ) = None
    read_token_env: (
        Annotated[Variable, Meta(description="variable with the token for reading")] | None
    ) = None
    allowed_hosts: (
        Annotated[
            tuple[Name, ...], Meta(description="Host headers accepted besides the bind address")
        ]
        | None
    ) = None
    root_path: (
        Annotated[
            str,
            Meta(
                pattern=r"^(/[A-Za-z0-9._~-]+)*$",
                description="path prefix that a reverse proxy removes, for example /llm",
            ),
        ]
        | None
    ) = None
    fast_lane: (
        Annotated[bool, Meta(description="answer frequent requests without ASGI, which is faster")]
        | None
    ) = None


@attrs.frozen(kw_only=True)
class RankingTable:
    policy: (
        Annotated[
            str,
            Meta(
                pattern=r"^(expected_cost|lowest_latency|peak_ewma|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$",
                description="expected_cost, lowest_latency, peak_ewma or module:function",
            ),
        ]
        | None
    ) = None
    latency: (
        Annotated[
            str,
            Meta(
                pattern="^(total|first_token)$",
                description="total, or first_token when all that are compared have one",
            ),
        ]
        | None
    ) = None
    half_life_checks: (
        Annotated[
            float,
            Meta(
                gt=0.0,
                le=10_000.0,
                description="number of newer checks after which a check counts half",
            ),
        ]
        | None
    ) = None
    memory_checks: (
        Annotated[int, Meta(ge=1, le=192, description="latest checks used for the ranking")] | None
    ) = None
    switch_margin: (
        Annotated[
            float, Meta(ge=0.0, lt=1.0, description="share by which a new best must be better")
        ]
        | None
    ) = None
    switch_margin_ms: (
        Annotated[
            float,
            Meta(
                ge=0.0,
                le=3_600_000.0,
                description="milliseconds by which a new best must be better",
            ),
        ]
        | None
    ) = None


@attrs.frozen(kw_only=True)
class ReportsTable:
    """Reports of real calls from proxies."""

    token_env: (
        Annotated[Variable, Meta(description="variable with the token for sending reports")] | None
    ) = None


@attrs.frozen(kw_only=True)
class ProviderTable(TimingTable):
    kind: Annotated[str, Meta(description="the API it speaks")] | None = None
    base_url: (
        Annotated[Name, Meta(description="http or https, without the path of the single request")]
        | None
    ) = None
    api_key_env: (
        Annotated[Variable, Meta(description="variable with the key, also numbered _1, _2")] | None
    ) = None
    check: Annotated[str, Meta(description="models, chat, or what the kind offers")] | None = None
    model: (
        Annotated[Name, Meta(description="model for the check chat; left out: one is chosen")]
        | None
    ) = None
    models: (
        Annotated[
            tuple[Name, ...],
            Meta(max_length=1_000, description="offers, each watched by a separate completion"),
        ]
        | None
    ) = None
    model_interval_seconds: (
        Annotated[
            float,
            Meta(
                ge=SHORTEST_INTERVAL,
                le=LONGEST_SECONDS,
                description="time between two checks of an offer",
            ),
        ]
        | None
    ) = None
    enabled: Annotated[bool, Meta(description="false: not watched")] | None = None
    allow_private: (
        Annotated[bool, Meta(description="allow private addresses, and keys over http")] | None
    ) = None
    proxy: Annotated[Name, Meta(description="http or https proxy for its requests")] | None = None
    ca_file: Annotated[Name, Meta(description="file with certificates to trust, PEM")] | None = None
    alerts: Annotated[bool, Meta(description="false: no messages about this provider")] | None = (
        None
    )
    options: (
        Annotated[dict[str, Any], Meta(description="options of its kind, see the catalogue")] | None
    ) = None


@attrs.frozen(kw_only=True)
class ConfigTable:
    """The whole file."""

    tracker: TrackerTable = TrackerTable()
    server: ServerTable = ServerTable()
    ranking: RankingTable = RankingTable()
    alerts: AlertsTable = AlertsTable()
    maintenance: Annotated[
        tuple[MaintenanceTable, ...],
        Meta(max_length=1000, description="times without incidents and messages"),
    ] = ()
    reports: ReportsTable = ReportsTable()
    cluster: ClusterTable | None = None
    providers: dict[str, ProviderTable] = attrs.field(factory=dict)
    models: dict[str, tuple[Name, ...]] = attrs.field(factory=dict)
