"""The immutable state of all providers at one instant."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import attrs

from tracker.core.incidents import IncidentLog
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Ranking


@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """All providers, by name, at ``timestamp``. ``revision`` grows by one with each snapshot."""

    timestamp: datetime
    revision: int
    providers: Mapping[str, ProviderStatus] = MappingProxyType({})
    ranking: Ranking
    swept: bool = False  # every enabled provider was checked at least once since the start
    network_away: bool = False  # our own network is down, so no failure counts against a provider
    incidents: IncidentLog = IncidentLog()
