"""The tables of tracker.toml: names, types, ranges and what each means; the schema comes from it.

None stands for a key that is not written. The defaults are those of settings.py.
"""

from datetime import datetime
from typing import Annotated, Any

import attrs
from msgspec import Meta

from tracker.config.values import OF_A_VARIABLE
from tracker.core.settings import LONGEST_SECONDS

Name = Annotated[str, Meta(min_length=1, max_length=1000)]
Variable = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        max_length=100,
        description="name of a variable",
        extra=OF_A_VARIABLE,
    ),
]
PageCause = Annotated[
    str,
    Meta(
        pattern="^(nothing_usable|key|network|provider|offer|tracker)$",
        description="nothing_usable, key, network, provider, offer or tracker",
    ),
]
Recheck = Annotated[float, Meta(gt=0.0, le=LONGEST_SECONDS)]


@attrs.frozen(kw_only=True)
class TimingTable:
    """What [tracker] sets for all and [providers.NAME] for one."""

    interval_seconds: (
        Annotated[
            float, Meta(ge=0.1, le=LONGEST_SECONDS, description="between two checks of a provider")
        ]
        | None
    ) = None
    timeout_seconds: (
        Annotated[
            float,
            Meta(gt=0.0, le=3600.0, description="for a whole check; at most interval_seconds"),
        ]
        | None
    ) = None
    jitter: (
        Annotated[float, Meta(ge=0.0, lt=0.5, description="share of the interval, both ways")]
        | None
    ) = None
    recheck_seconds: (
        Annotated[
            tuple[Recheck, ...],
            Meta(max_length=100, description="after a failed check; cut to the interval"),
        ]
        | None
    ) = None
    failures_to_down: (
        Annotated[int, Meta(ge=1, le=1000, description="consecutive failures until down")] | None
    ) = None
    successes_to_recover: (
        Annotated[int, Meta(ge=1, le=1000, description="consecutive, after down, until healthy")]
        | None
    ) = None
    degraded_latency_ms: (
        Annotated[float, Meta(gt=0.0, le=3_600_000.0, description="slower answers are slow")] | None
    ) = None


@attrs.frozen(kw_only=True)
class TrackerTable(TimingTable):
    database: Annotated[Name, Meta(description="file, made at the first run")] | None = None
    retention_days: (
        Annotated[float, Meta(gt=0.0, le=3650.0, description="results are deleted after it")] | None
    ) = None
    schedule: Annotated[bool, Meta(description="false: checks only on request")] | None = None
    discover: (
        Annotated[bool, Meta(description="providers from the environment and .env")] | None
    ) = None
    completions_per_day: (
        Annotated[
            int, Meta(ge=0, le=1_000_000, description="completions of all checks in a UTC day")
        ]
        | None
    ) = None
    buffer_limit: (
        Annotated[
            int, Meta(ge=1, le=10_000_000, description="results kept while the database is away")
        ]
        | None
    ) = None
    mailbox_size: (
        Annotated[int, Meta(ge=1, le=1_000_000, description="reports on their way at once")] | None
    ) = None


@attrs.frozen(kw_only=True)
class ServerTable:
    host: Annotated[Name, Meta(description="address to listen on")] | None = None
    port: Annotated[int, Meta(ge=0, le=65535, description="0: a free one")] | None = None
    admin_token_env: (
        Annotated[Variable, Meta(description="variable with the token for changes")] | None
    ) = None
    read_token_env: (
        Annotated[Variable, Meta(description="variable with the token for reading")] | None
    ) = None
    allowed_hosts: (
        Annotated[tuple[Name, ...], Meta(description="Host headers accepted beside our own")] | None
    ) = None
    root_path: (
        Annotated[
            str,
            Meta(
                pattern=r"^(/[A-Za-z0-9._~-]+)*$",
                description="what a reverse proxy takes off, as in /llm",
            ),
        ]
        | None
    ) = None
    fast_lane: Annotated[bool, Meta(description="answer hot requests below ASGI")] | None = None


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
                description="total, or first_token where all that are compared have one",
            ),
        ]
        | None
    ) = None
    half_life_checks: (
        Annotated[float, Meta(gt=0.0, le=10_000.0, description="until a check counts half")] | None
    ) = None
    memory_checks: (
        Annotated[int, Meta(ge=1, le=192, description="checks a ranking looks at")] | None
    ) = None
    switch_margin: (
        Annotated[float, Meta(ge=0.0, lt=1.0, description="share by which a new best must win")]
        | None
    ) = None
    switch_margin_ms: (
        Annotated[float, Meta(ge=0.0, le=3_600_000.0, description="and by how much at least")]
        | None
    ) = None


@attrs.frozen(kw_only=True)
class ReportsTable:
    """What proxies tell of real calls."""

    token_env: (
        Annotated[Variable, Meta(description="variable with the token for reports")] | None
    ) = None


@attrs.frozen(kw_only=True)
class ProviderTable(TimingTable):
    kind: Annotated[str, Meta(description="the API it speaks")] | None = None
    base_url: Annotated[Name, Meta(description="http or https, without the last path")] | None = (
        None
    )
    api_key_env: (
        Annotated[Variable, Meta(description="variable with the key, also numbered _1, _2")] | None
    ) = None
    check: Annotated[str, Meta(description="models, chat, or what the kind offers")] | None = None
    model: Annotated[Name, Meta(description="for the check chat; else chosen")] | None = None
    models: (
        Annotated[
            tuple[Name, ...],
            Meta(max_length=1_000, description="offers watched by a completion of their own"),
        ]
        | None
    ) = None
    model_interval_seconds: (
        Annotated[
            float,
            Meta(ge=0.1, le=LONGEST_SECONDS, description="between two checks of an offer"),
        ]
        | None
    ) = None
    enabled: Annotated[bool, Meta(description="false: not watched")] | None = None
    allow_private: (
        Annotated[bool, Meta(description="private addresses, and keys over http")] | None
    ) = None
    proxy: Annotated[Name, Meta(description="http or https proxy for its requests")] | None = None
    ca_file: Annotated[Name, Meta(description="certificates to trust, PEM")] | None = None
    alerts: Annotated[bool, Meta(description="false: nobody is told of it")] | None = None
    options: (
        Annotated[dict[str, Any], Meta(description="what its kind reads, see the catalogue")] | None
    ) = None


@attrs.frozen(kw_only=True)
class AlertsTable:
    targets_env: (
        Annotated[
            Variable, Meta(description="variable with secret URLs of who is told, one a line")
        ]
        | None
    ) = None
    secret_env: (
        Annotated[Variable, Meta(description="variable with the secret that signs webhooks")] | None
    ) = None
    page: (
        Annotated[
            tuple[PageCause, ...],
            Meta(max_length=100, description="causes of which somebody is told"),
        ]
        | None
    ) = None
    reminder_hours: (
        Annotated[
            float, Meta(ge=0.0, le=168.0, description="until somebody is told again; 0: never")
        ]
        | None
    ) = None
    link: (
        Annotated[
            str,
            Meta(
                pattern=r"^https?://[^\s?#@]+$",
                max_length=1000,
                description="where the dashboard is reached, for the link in a message",
            ),
        ]
        | None
    ) = None


@attrs.frozen(kw_only=True)
class MaintenanceTable:
    providers: (
        Annotated[tuple[Name, ...], Meta(max_length=10_000, description="left out: all")] | None
    ) = None
    start: Annotated[datetime, Meta(description="with end: a span of time")] | None = None
    end: Annotated[datetime, Meta(description="it is not part of the span")] | None = None
    weekly: (
        Annotated[
            str, Meta(max_length=100, description='a window of every week, as "Sun 02:00-04:00"')
        ]
        | None
    ) = None
    timezone: (
        Annotated[Name, Meta(description="whose clock weekly goes by, as Europe/Berlin")] | None
    ) = None


@attrs.frozen(kw_only=True)
class ClusterTable:
    """Many trackers as one, with PostgreSQL as the hub."""

    url_env: (
        Annotated[Variable, Meta(description="variable with PostgreSQL's URL for trackers")] | None
    ) = None
    vantage: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
                description="the place from which this tracker checks; needed",
            ),
        ]
        | None
    ) = None
    down_from: (
        Annotated[int, Meta(ge=1, le=1000, description="vantages until down; left out: a majority")]
        | None
    ) = None
    lease_seconds: (
        Annotated[
            float, Meta(ge=2.0, le=300.0, description="until another checks what a dead one did")
        ]
        | None
    ) = None
    retention_days: (
        Annotated[int, Meta(ge=1, le=3650, description="checks in PostgreSQL are dropped after it")]
        | None
    ) = None


@attrs.frozen(kw_only=True)
class ConfigTable:
    """The whole file."""

    tracker: TrackerTable = TrackerTable()
    server: ServerTable = ServerTable()
    ranking: RankingTable = RankingTable()
    alerts: AlertsTable = AlertsTable()
    maintenance: Annotated[
        tuple[MaintenanceTable, ...], Meta(max_length=1000, description="nobody is told meanwhile")
    ] = ()
    reports: ReportsTable = ReportsTable()
    cluster: ClusterTable | None = None
    providers: dict[str, ProviderTable] = attrs.field(factory=dict)
    models: dict[str, tuple[Name, ...]] = attrs.field(factory=dict)
