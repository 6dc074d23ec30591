"""What a configuration says to the alerts. Pure: times are arguments."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property

import attrs

from tracker.alerts.maintenance import MaintenanceState, maintenance_at
from tracker.alerts.policy import PolicySettings
from tracker.config.catalogue import load_catalogue
from tracker.core.settings import Config


@attrs.define(eq=False)
class AlertRules:
    """Each is looked up once, as there may be thousands of providers: a reload makes new rules."""

    config: Config
    _maintenance: MaintenanceState | None = attrs.field(default=None, init=False)

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Return the configured targets' names, in the file's order."""
        return tuple(target.name for target in self.config.alerts.targets)

    @cached_property
    def models(self) -> Mapping[str, tuple[str, ...]]:
        """Return the watched models of each provider, by its name."""
        return {provider.name: provider.models for provider in self.config.providers}

    @cached_property
    def unheard(self) -> frozenset[str]:
        """Return the providers without messages."""
        return frozenset(p.name for p in self.config.providers if not p.alerts)

    @cached_property
    def policy(self) -> PolicySettings:
        """Return which causes send messages, and how often."""
        hours = self.config.alerts.reminder_hours
        reminder = timedelta(hours=hours) if hours > 0 else None
        return PolicySettings(page=frozenset(self.config.alerts.page), reminder=reminder)

    @cached_property
    def link(self) -> str | None:
        """Return the dashboard's address in messages; None where the port is chosen by chance."""
        server = self.config.server
        if self.config.alerts.link or server.port == 0:
            return self.config.alerts.link or None
        host = f"[{server.host}]" if ":" in server.host else server.host
        return f"http://{host}:{server.port}{server.root_path}"

    @cached_property
    def status_pages(self) -> Mapping[str, str]:
        """Return the status pages of the catalogue's providers, by name."""
        known = load_catalogue()
        entries = {p.name: known.get(p.name) for p in self.config.providers if not p.moved}
        return {n: entry.status_page for n, entry in entries.items() if entry and entry.status_page}

    def maintenance(self, now: datetime) -> MaintenanceState:
        """Compute it again only at the edge of a window: there may be hundreds of them."""
        known = self._maintenance
        if known is None or (known.until is not None and now >= known.until):
            known = self._maintenance = maintenance_at(self.config.maintenance, now)
        return known

    def covers(self, now: datetime) -> Callable[[str | None], bool]:
        """Return whether a provider is in maintenance; of None: each that is watched."""
        state = self.maintenance(now)
        if not state.everybody and not state.providers:  # of thousands nobody needs to be asked
            return lambda _: False
        watched = [provider.name for provider in self.config.providers if provider.enabled]
        everybody = bool(watched) and all(state.covers(name) for name in watched)
        return lambda name: state.covers(name) or (name is None and everybody)
