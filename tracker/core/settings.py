"""The settings a tracker runs with: frozen and validated. tracker.config reads them."""

from collections import Counter
from datetime import date, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
from attrs.validators import deep_iterable, ge, gt, in_, le, lt, min_len

from tracker.core.rate_limits import LimitReading
from tracker.core.redaction import Secret, url_secrets
from tracker.core.validators import is_finite

SHORTEST_INTERVAL = 0.1  # seconds: ten checks a second of one provider already look like an attack
LONGEST_SECONDS = 604_800.0  # a week: nothing is kept longer
positive = [gt(0.0), is_finite]
# A completion costs money or allowance where a model list is free: a third as often by default.
MODEL_INTERVALS = 3.0


@attrs.frozen(kw_only=True)
class Timing:
    """When a provider is checked and how its checks are judged; each can be set per provider."""

    interval_seconds: float = attrs.field(
        default=300.0, validator=[ge(SHORTEST_INTERVAL), le(LONGEST_SECONDS), is_finite]
    )
    timeout_seconds: float = attrs.field(default=10.0, validator=positive)
    jitter: float = attrs.field(default=0.1, validator=[ge(0.0), lt(0.5)])
    recheck_seconds: tuple[float, ...] = attrs.field(
        default=(2.0, 10.0, 30.0, 60.0, 120.0), validator=deep_iterable(gt(0.0))
    )
    # One lost packet is not an outage: HAProxy uses fall 3, rise 2, as Gatus' alerts do.
    failures_to_down: int = attrs.field(default=3, validator=ge(1))
    successes_to_recover: int = attrs.field(default=2, validator=ge(1))
    # Provider medians lie between 70 and 1,384 ms; a second for a model list is too slow.
    degraded_latency_ms: float = attrs.field(default=1000.0, validator=positive)

    def __attrs_post_init__(self) -> None:
        if self.timeout_seconds > self.interval_seconds:
            raise ValueError(
                f"timeout_seconds ({self.timeout_seconds:g}) must not exceed "
                f"interval_seconds ({self.interval_seconds:g})"
            )


@attrs.frozen(kw_only=True)
class Provider:
    """One endpoint to watch, with everything its actor needs.

    kind: the dialect its API speaks; names a module of tracker.probes.dialects.
    base_url: without a trailing slash. moved: not the catalogue's, so every request goes
    below it, also those that the catalogue would send to another host.
    keys: tried in order; empty where the endpoint needs none.
    check: what is asked ("models", "chat", or what the kind offers); model: for "chat".
    list_public: its model list answers without a key, so a 200 proves nothing about our key;
    None when not known.
    options: what only its dialect reads (paths, project ids), from the catalogue and environment.
    documented_limits: published limits, used for an estimate where the provider states none.
    models: offers, each watched by a separate completion every ``model_interval_seconds``.
    retiring: models with an announced end, from the catalogue; the provider's list has precedence.
    """

    name: str = attrs.field(validator=min_len(1))
    kind: str = "openai"
    base_url: str = ""
    moved: bool = False
    keys: tuple[Secret, ...] = attrs.field(default=(), repr=False)
    key_names: tuple[str, ...] = ()  # the variables the keys came from, in the same order
    check: str = "models"
    model: str | None = None
    models: tuple[str, ...] = ()
    model_interval_seconds: float | None = None  # None: MODEL_INTERVALS × its interval
    list_public: bool | None = None
    timing: Timing = Timing()
    enabled: bool = True
    allow_private: bool = False
    proxy: str | None = attrs.field(default=None, repr=False)  # may contain a password
    ca_file: str | None = None
    options: dict[str, Any] = attrs.field(factory=dict)
    documented_limits: tuple[LimitReading, ...] = ()
    retiring: dict[str, date] = attrs.field(factory=dict)
    alerts: bool = True  # False: no messages about its incidents

    @property
    def model_timing(self) -> Timing:
        """Return an offer's timing: its provider's, but with checks less often."""
        interval = self.model_interval_seconds or self.timing.interval_seconds * MODEL_INTERVALS
        interval = min(max(interval, self.timing.timeout_seconds), LONGEST_SECONDS)
        return attrs.evolve(self.timing, interval_seconds=interval)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return its keys, and what is secret among its options."""
        return (*self.keys, *(o for o in self.options.values() if isinstance(o, Secret)))


@attrs.frozen(kw_only=True)
class RankingSettings:
    """How providers are ranked; see facts in docs/ranking.md for the defaults' reasons.

    latency: "total", or "first_token", used only when it is known for all that are compared.
    """

    policy: str = "expected_cost"
    latency: str = attrs.field(default="total", validator=in_(("total", "first_token")))
    half_life_checks: float = attrs.field(default=12.0, validator=positive)
    memory_checks: int = attrs.field(default=96, validator=[ge(1), le(192)])
    switch_margin: float = attrs.field(default=0.1, validator=[ge(0.0), lt(1.0)])
    switch_margin_ms: float = attrs.field(default=10.0, validator=[ge(0.0), is_finite])


@attrs.frozen(kw_only=True)
class AlertTarget:
    """A target for messages. ``name``: the part that may be shown, its scheme and number."""

    name: str
    url: Secret = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class AlertSettings:
    """The targets of messages about incidents, for which causes, and how often they repeat.

    link: the address of the dashboard for messages; None when it is not configured.
    """

    targets: tuple[AlertTarget, ...] = ()
    secret: Secret | None = attrs.field(default=None, repr=False)
    targets_env: str = "PROVIDER_STATUS_ALERTS"
    secret_env: str = "PROVIDER_STATUS_ALERT_SECRET"  # noqa: S105 (a variable's name)
    page: tuple[str, ...] = ("nothing_usable", "key", "network", "provider")
    reminder_hours: float = attrs.field(default=4.0, validator=[ge(0.0), is_finite])
    link: str | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return the targets' URLs with their parts, and what signs the webhooks."""
        parts = [part for target in self.targets for part in url_secrets(target.url)]
        return (*parts, *(() if self.secret is None else (self.secret,)))


@attrs.frozen(kw_only=True)
class WeeklyWindow:
    """Days from Monday (0) to Sunday (6), and minutes of the day by the clock of ``timezone``.

    An end that is not after the start is on the next day.
    """

    days: frozenset[int]
    start_minute: int = attrs.field(validator=[ge(0), lt(1440)])
    end_minute: int = attrs.field(validator=[ge(0), le(1440)])
    timezone: str = "UTC"


@attrs.frozen(kw_only=True)
class MaintenanceWindow:
    """A span or a weekly window in which no incident is opened and no message is sent.

    providers: empty for all of them.
    """

    providers: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    weekly: WeeklyWindow | None = None


@attrs.frozen(kw_only=True)
class ServerSettings:
    host: str = "127.0.0.1"
    port: int = attrs.field(default=8000, validator=[ge(0), le(65535)])
    admin_token: Secret | None = attrs.field(default=None, repr=False)
    read_token: Secret | None = attrs.field(default=None, repr=False)
    admin_token_env: str = "PROVIDER_STATUS_ADMIN_TOKEN"  # noqa: S105 (a variable's name)
    read_token_env: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    root_path: str = ""
    fast_lane: bool = True  # answer hot GETs below ASGI; see docs/performance.md


@attrs.frozen(kw_only=True)
class ReportSettings:
    """Who may report real calls. ``token``: allows a proxy to report, and nothing else."""

    token: Secret | None = attrs.field(default=None, repr=False)
    token_env: str = "PROVIDER_STATUS_REPORT_TOKEN"  # noqa: S105 (a variable's name)


@attrs.frozen(kw_only=True)
class ClusterSettings:
    """A tracker's place in a cluster. ``url``: PostgreSQL, with the tracker's database role.

    down_from: how many vantages must see a provider down; None: a majority, at least two.
    """

    url: Secret = attrs.field(repr=False)
    vantage: str
    url_env: str = "PROVIDER_STATUS_POSTGRES"
    down_from: int | None = None
    lease_seconds: float = 10.0
    retention_days: int = 7

    @property
    def beat_seconds(self) -> float:
        """Return the seconds between two turns: five in a lease, of which two may be lost."""
        return self.lease_seconds / 5.0

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return the URL and its password, as written and decoded."""
        password = urlsplit(self.url.reveal()).password
        found = {password, unquote(password)} if password else set()
        return (self.url, *map(Secret, sorted(found)))


@attrs.frozen(kw_only=True)
class Config:
    """Everything a tracker runs with.

    schedule: False checks only on request. completions_per_day: for all checks together, per UTC
    day. model_aliases: a user's name → "provider/model" offers. buffer_limit: results kept in
    memory while the database is unavailable; beyond it the oldest are dropped and counted.
    """

    database: str = "provider_status.db"
    retention_days: float = attrs.field(default=7.0, validator=positive)
    schedule: bool = True
    discover: bool = True
    timing: Timing = Timing()  # for providers without their own setting
    providers: tuple[Provider, ...] = ()
    server: ServerSettings = ServerSettings()
    ranking: RankingSettings = RankingSettings()
    alerts: AlertSettings = AlertSettings()
    maintenance: tuple[MaintenanceWindow, ...] = ()
    completions_per_day: int = attrs.field(default=1_000, validator=ge(0))
    model_aliases: dict[str, tuple[str, ...]] = attrs.field(factory=dict)  # [models]
    reports: ReportSettings = ReportSettings()
    cluster: ClusterSettings | None = None
    buffer_limit: int = attrs.field(default=100_000, validator=ge(1))
    mailbox_size: int = attrs.field(default=1_000, validator=ge(1))
    source: str | None = None  # the file it was read from
    warnings: tuple[str, ...] = ()  # settings that can be used but should be fixed

    def __attrs_post_init__(self) -> None:
        names = Counter(provider.name for provider in self.providers)
        if twice := {name for name, count in names.items() if count > 1}:
            raise ValueError(f"more than one provider has the name: {', '.join(sorted(twice))}")

    def provider(self, name: str) -> Provider:
        """Return the settings of one provider. Raises KeyError for an unknown name."""
        for provider in self.providers:
            if provider.name == name:
                return provider
        raise KeyError(name)

    def secrets(self) -> tuple[Secret, ...]:
        """Return every secret in it, for the mask over logs and errors."""
        known = (self.server.admin_token, self.server.read_token, self.reports.token)
        tokens = [token for token in known if token is not None]
        keys = (secret for provider in self.providers for secret in provider.secrets)
        hub = () if self.cluster is None else self.cluster.secrets
        return (*tokens, *keys, *self.alerts.secrets, *hub)
