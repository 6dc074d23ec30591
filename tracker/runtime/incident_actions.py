"""What people do about incidents: acknowledge one, mute a provider, try the alert targets."""

from collections.abc import Sequence
from datetime import datetime

import attrs
import structlog

from tracker.core.incidents import Incident
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.alert_task import AlertTask
from tracker.runtime.live_settings import LiveSettings
from tracker.runtime.mailbox import Mailbox

log = structlog.get_logger()


@attrs.frozen(eq=False)
class IncidentActions:
    """Each action is in the snapshot when it returns. Each raises StoppedError."""

    _settings: LiveSettings
    _alerts: AlertTask
    _mailbox: Mailbox
    _aggregator: Aggregator

    async def acknowledge(self, incident_id: str, by: str) -> Incident:
        """Record who has acknowledged an incident: no further reminder of it is sent.

        Raises KeyError for an unknown id.
        """
        with self._mailbox.unless_stopped():
            await self._alerts.acknowledge(incident_id, by)
        log.info("acknowledged", incident=incident_id, by=by)
        await self._mailbox.publish()
        shown = self._aggregator.board.latest.incidents.incidents
        return next(each for each in shown if each.id == incident_id)

    async def mute(self, name: str, minutes: float) -> datetime | None:
        """Send no message about a provider for so long, 0 ends it; return until when.

        Raises KeyError for an unknown name.
        """
        self._settings.file.provider(name)
        with self._mailbox.unless_stopped():
            until = await self._alerts.mute(name, minutes)
        log.info("muted", provider=name, minutes=minutes)
        await self._mailbox.publish()
        return until

    async def test_alerts(self) -> Sequence[tuple[str, str]]:
        """Send a test to every alert target; return each with its error, or an empty text."""
        return await self._alerts.test()
