"""The alerts on virtual time: given snapshots, and targets that accept or refuse messages."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import attrs

from tests.helpers.idle_tracker import a_provider, ranking_of
from tracker.alerts.rules import AlertRules
from tracker.alerts.state import AlertState
from tracker.core.incidents import Delivery, Incident, MessageKind
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import ProviderStatus
from tracker.core.records import MuteRecord, Record
from tracker.core.redaction import Secret
from tracker.core.settings import AlertSettings, AlertTarget, Config, MaintenanceWindow, Provider
from tracker.core.snapshot import Snapshot

START = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=5)
# What happens within a minute, happens in small steps; the hours after it are mere waiting.
LONG_STEP, IN_SMALL_STEPS = timedelta(seconds=30), timedelta(minutes=1)


def a_down_provider(name: str, since: datetime, **changes: Any) -> ProviderStatus:
    return a_provider(
        name,
        **{
            "status": Status.DOWN,
            "reason": "server error; 3 failed checks in a row",
            "usable": False,
            "outcome": OutcomeKind.SERVER,
            "error_message": "server error (503)",
            "consecutive_failures": 3,
            "failing_since": since,
            "last_check": since,
            **changes,
        },
    )


def snapshot_of(providers: Iterable[ProviderStatus], at: datetime, **changes: Any) -> Snapshot:
    views = {view.name: view for view in providers}
    return Snapshot(
        timestamp=at,
        revision=1,
        providers=MappingProxyType(views),
        ranking=ranking_of(views),
        **{"swept": True, **changes},
    )


def config_of(
    *names: str,
    targets: tuple[str, ...] = ("webhook 1", "json 1"),
    maintenance: tuple[MaintenanceWindow, ...] = (),
    **alerts: Any,
) -> Config:
    urls = tuple(
        AlertTarget(name=name, url=Secret(f"json://{name[-1]}.example")) for name in targets
    )
    return Config(
        providers=tuple(Provider(name=name, base_url=f"http://{name}.example") for name in names),
        alerts=AlertSettings(targets=urls, **alerts),
        maintenance=maintenance,
    )


@attrs.define
class Scenario:
    """Time passes in steps; messages that targets accept are in ``received``: (target, key, kind).

    down: since when. refusing: targets that refuse everything. deaf: messages arrive, but the
    process dies before it records that. stored: what the database would have.
    """

    config: Config
    now: datetime = START
    down: dict[str, datetime] = attrs.field(factory=dict)
    changes: dict[str, Any] = attrs.field(factory=dict)  # of the snapshot
    refusing: set[str] = attrs.field(factory=set)
    deaf: bool = False
    received: list[tuple[str, str, MessageKind]] = attrs.field(factory=list)
    titles: list[str] = attrs.field(factory=list)
    stored: dict[object, Record] = attrs.field(factory=dict)
    _views: dict[tuple[str, datetime | None], ProviderStatus] = attrs.field(factory=dict)
    state: AlertState = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.state = AlertState(AlertRules(self.config))

    def passes(self, **duration: float) -> None:
        began = self.now
        end = began + timedelta(**duration)
        while self.now < end:
            is_soon = self.now - began < IN_SMALL_STEPS
            self.now = min(self.now + (STEP if is_soon else LONG_STEP), end)
            self.step()

    def step(self) -> None:
        self.keep(self.state.step(self.snapshot(), self.now))
        for target in self.state.rules.targets:
            if delivery := self.state.outbox.next_for(target, self.now):
                self.send(delivery)

    def send(self, delivery: Delivery) -> None:
        error = "it answered 500" if delivery.target in self.refusing else ""
        if not error:
            self.received.append((delivery.target, delivery.key, delivery.kind))
            self.titles.append(delivery.title)
        if not self.deaf:
            self.keep(self.state.note_attempt(delivery, self.now, error))

    def restart(self) -> None:
        """Start a new process with what was stored."""
        self.state = AlertState(AlertRules(self.config))
        self.deaf = False
        rows = list(self.stored.values())
        self.state.restore(
            tuple(row for row in rows if isinstance(row, Incident)),
            tuple(row for row in rows if isinstance(row, Delivery)),
            {r.provider: r.until for r in rows if isinstance(r, MuteRecord) and r.until},
        )

    def fail(self, *names: str) -> None:
        self.down |= dict.fromkeys(names, self.now)

    def recover(self, *names: str) -> None:
        for name in names or tuple(self.down):
            del self.down[name]

    def keep(self, records: Iterable[Record]) -> None:
        for record in records:
            match record:
                case Incident(id=number):
                    self.stored[number] = record
                case Delivery(key=key, target=target):
                    self.stored[key, target] = record
                case MuteRecord(provider=name):
                    self.stored["mute", name] = record

    def snapshot(self) -> Snapshot:
        views = [self.view(p.name, self.down.get(p.name)) for p in self.config.providers]
        return snapshot_of(views, self.now, **self.changes)

    def view(self, name: str, since: datetime | None) -> ProviderStatus:
        """The same one as long as nothing changes, as from a tracker."""
        if (name, since) not in self._views:
            self._views[name, since] = (
                a_down_provider(name, since) if since is not None else a_provider(name)
            )
        return self._views[name, since]

    def kinds(self, target: str = "webhook 1") -> list[str]:
        return [kind.value for name, _, kind in self.received if name == target]

    def keys(self, kind: MessageKind = MessageKind.OPENED) -> set[str]:
        return {key for _, key, each in self.received if each is kind}
