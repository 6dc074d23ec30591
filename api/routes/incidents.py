"""Incidents: reading, acknowledging, muting, and test messages."""

from collections.abc import Generator, Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs
import msgspec
from quart import Response, request

from api.http.auth import require_admin
from api.http.body import read_body
from api.http.large_answers import gather, json_lists, respond_in_pieces
from api.http.openapi import NOT_MODIFIED, describe, gives
from api.http.problems import Problem, no_provider
from api.http.query import query, whole_number
from api.http.time_span import MOST_HOURS
from api.routes.control import json_response
from api.routes.route import Route
from api.schemas import incidents as schemas
from api.schemas.convert import convert, instant
from tracker.alerts.plain_text import plain_text
from tracker.core.clock import Clock
from tracker.core.settings import ServerSettings

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

PIECE = 100  # incidents, about two milliseconds: every provider may have one, and every offer
SOMEBODY = "somebody"  # if a name has only control characters


@attrs.frozen
class IncidentRoutes:
    tracker: "Tracker"
    settings: ServerSettings
    clock: Clock = Clock()

    def rules(self) -> Iterator[Route]:
        """Yield the paths of incidents: list, acknowledge, mute, send a test."""
        yield Route("GET", "/api/incidents", self.incidents)
        yield Route("POST", "/api/incidents/<string:id>/acknowledge", self.acknowledge)
        yield Route("POST", "/api/providers/<name:name>/mute", self.mute)
        yield Route("POST", "/api/alerts/test", self.test)

    @describe("incidents", gives(schemas.Incidents), NOT_MODIFIED, query=schemas.IncidentsQuery)
    async def incidents(self) -> Response:
        """Return open incidents and those of the last hours; the newest 1,000 closed ones."""
        hours = whole_number(query("hours"), "hours", default=168, least=1, most=MOST_HOURS)
        since = self.clock.now() - timedelta(hours=hours)
        log = self.tracker.snapshot.incidents
        asked = (
            convert(schemas.Incident, each)
            for each in log.incidents
            if each.closed_at is None or each.closed_at >= since
        )
        mutes = {name: instant(until) for name, until in log.mutes.items()}
        return respond_in_pieces(await gather(_encode(hours, asked, mutes)))

    @describe(
        "incidents",
        gives(schemas.Incident),
        errors=[404, 413, 415, 503],
        body=schemas.Acknowledgement,
        admin=True,
    )
    async def acknowledge(self, id: str) -> Response:  # noqa: A002 (as the path has it)
        """Acknowledge an incident under a name: no reminder is sent until it is over."""
        self._admit()
        by = plain_text((await read_body(schemas.Acknowledgement)).by) or SOMEBODY
        try:
            incident = await self.tracker.incidents.acknowledge(id, by)
        except KeyError:
            raise _no_incident(id) from None
        return json_response(convert(schemas.Incident, incident))

    @describe(
        "incidents",
        gives(schemas.Mute),
        errors=[404, 413, 415, 503],
        body=schemas.MuteRequest,
        admin=True,
    )
    async def mute(self, name: str) -> Response:
        """Send no message about a provider for so many minutes; 0 ends it. Incidents still open."""
        self._admit()
        minutes = (await read_body(schemas.MuteRequest)).minutes
        try:
            until = await self.tracker.incidents.mute(name, minutes)
        except KeyError:
            raise no_provider(name) from None
        muted_until = None if until is None else instant(until)
        return json_response(schemas.Mute(provider_name=name, muted_until=muted_until))

    @describe("incidents", gives(schemas.AlertsTest), errors=[503], admin=True)
    async def test(self) -> Response:
        """Send a test message to every target now, and say what came back."""
        self._admit()
        tested = [
            schemas.TargetTest(target=target, delivered=not error, error=error)
            for target, error in await self.tracker.incidents.test_alerts()
        ]
        delivered = sum(each.delivered for each in tested)
        return json_response(schemas.AlertsTest(targets=tested, delivered=delivered))

    def _admit(self) -> None:
        require_admin(self.settings, request.headers.get("Authorization"))
        query()


def _encode(
    hours: int, incidents: Iterable[schemas.Incident], mutes: dict[str, str]
) -> Generator[bytes, None, None]:
    yield b'{"hours":%d,"incidents":[' % hours
    yield from json_lists(incidents, PIECE)
    yield b'],"mutes":%s}' % msgspec.json.encode(mutes)


def _no_incident(incident_id: str) -> Problem:
    return Problem(
        status=404,
        title="No such incident",
        detail=f"there is no incident {incident_id[:100]!r}; /api/incidents lists all",
    )
