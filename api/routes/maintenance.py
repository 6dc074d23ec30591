"""Past, present and future maintenance of providers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs
import msgspec
import trio
from quart import Response

from api.http.etags import respond
from api.http.openapi import NOT_MODIFIED, describe, gives
from api.http.query import query
from api.http.response_cache import answer_of
from api.routes.route import Route
from api.schemas import incidents as schemas
from api.schemas.convert import instant
from tracker.alerts.maintenance import spans_between
from tracker.core.clock import Clock

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

PAST, AHEAD = timedelta(days=7), timedelta(days=14)
MOST = 1_000  # spans sent, the next ones: later ones are of no use
SLICE = 10  # windows between two checkpoints, a few milliseconds


@attrs.frozen
class MaintenanceRoutes:
    tracker: "Tracker"
    clock: Clock = Clock()

    def rules(self) -> Iterator[Route]:
        """Yield the path of planned maintenance."""
        yield Route("GET", "/api/maintenance", self.maintenance)

    @describe("incidents", gives(schemas.Maintenance), NOT_MODIFIED)
    async def maintenance(self) -> Response:
        """Return maintenance from a week ago to two weeks ahead, as the file defines it.

        The ``[[maintenance]]`` tables of now, weekly windows as single spans; the first 1,000.
        During maintenance checks continue, but no incident is opened and no message is sent.
        """
        query()
        now = self.clock.now()
        found = list[schemas.MaintenanceSpan]()
        for number, window in enumerate(self.tracker.config.maintenance):
            if number % SLICE == SLICE - 1:
                await trio.lowlevel.checkpoint()
            for start, end in spans_between(window, now - PAST, now + AHEAD):
                found.append(
                    schemas.MaintenanceSpan(
                        providers=list(window.providers),
                        start=instant(start),
                        end=instant(end),
                        weekly=window.weekly is not None,
                    )
                )
        found.sort(key=lambda span: (span.end, span.start, span.providers))
        return await respond(answer_of(msgspec.json.encode(schemas.Maintenance(found[:MOST]))))
