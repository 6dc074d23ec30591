"""The interface between the alerts of a tracker and the rest of its cluster."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

import attrs

from tracker.core.incidents import Delivery, Incident
from tracker.core.records import Record
from tracker.core.snapshot import Snapshot


class Role(Enum):
    """HERALD: this tracker sends for all. ALONE: without the hub, it sends for itself."""

    ALONE = auto()
    HERALD = auto()
    FOLLOWER = auto()


@attrs.frozen(kw_only=True)
class KnownAlerts:
    """What the cluster has opened and sent; deliveries: oldest first."""

    incidents: tuple[Incident, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    mutes: Mapping[str, datetime] = attrs.field(factory=dict)


class AlertSharing(Protocol):
    def role(self) -> Role:
        """Return who tells people now: this tracker or another of its cluster."""
        ...

    async def load(self) -> KnownAlerts | None:
        """Return what the cluster's alerts are, None while that cannot be asked."""
        ...

    def view(self, snapshot: Snapshot) -> Snapshot:
        """Show every provider as all vantages together see it."""
        ...

    async def keep(self, records: Iterable[Record], snapshot: Snapshot) -> bool:
        """Write as the herald; False where another is it by now, or nothing can be written."""
        ...

    async def acknowledge(self, incident: str, by: str) -> None:
        """Tell the others that ``by`` knows of the incident. Raises ClusterAwayError."""
        ...

    async def mute(self, provider: str, minutes: float) -> None:
        """Mute a provider everywhere for so many minutes; 0 ends it. Raises ClusterAwayError."""
        ...
