"""Endpoints for operators: health, metrics and the event stream."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import attrs
import msgspec
import trio
from quart import Response, request

from api.connection_counts import peer_of
from api.exports.metrics import MetricsPage
from api.http.etags import negotiate, respond, response_of, takes_gzip
from api.http.openapi import describe, gives, text
from api.http.query import query
from api.http.response_cache import JSON, CachedResponse, uncached_answer
from api.http.server_sent_events import Streams
from api.present_answers import PresentAnswers
from api.routes.route import Route
from api.schemas import operations as schemas
from api.schemas.convert import convert
from tracker.runtime.diagnostics import TrackerHealth

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

EVENTS = "text/event-stream"
SLICE = 250  # actors converted at once, about five milliseconds
OPENMETRICS = "application/openmetrics-text"


@attrs.frozen
class OperationsRoutes:
    """``scraping``: runs a scrape in a thread, as a thousand providers would block the loop."""

    tracker: "Tracker"
    streams: Streams
    present: PresentAnswers
    scraping: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))
    page: MetricsPage = attrs.field(factory=MetricsPage)

    def rules(self) -> Iterator[Route]:
        """Yield the paths for operators: health, events, liveness, readiness, metrics."""
        yield Route("GET", "/api/providers/health", self.health)
        yield Route("GET", "/api/providers/events", self.events)
        yield Route("GET", "/livez", self.livez)
        yield Route("GET", "/readyz", self.readyz)
        yield Route("GET", "/metrics", self.metrics)

    @describe("operations", gives(schemas.Health), gives(schemas.Health, status=503))
    async def health(self) -> Response:
        """Return the tracker's own state; 503 when a restart would help."""
        query()
        health = await self.tracker.examine()
        return _uncached_json(await view_health(health), ok=health.alive)

    @describe(
        "operations", gives(schemas.LivenessResponse), gives(schemas.LivenessResponse, status=503)
    )
    async def livez(self) -> Response:
        """Return whether the loop and the actors are alive.

        An unavailable database does not need a restart.
        """
        return await respond(self.present.livez())

    @describe(
        "operations", gives(schemas.LivenessResponse), gives(schemas.LivenessResponse, status=503)
    )
    async def readyz(self) -> Response:
        """Return whether every provider was checked once."""
        ready = self.tracker.ready
        problems = [] if ready else ["not every provider has been checked yet"]
        return _uncached_json(schemas.LivenessResponse(ok=ready, problems=problems), ok=ready)

    @describe("operations", text(OPENMETRICS, says="Plain text for clients that accept only that."))
    async def metrics(self) -> Response:
        """Return metrics for Prometheus."""
        packed = takes_gzip()
        accept, health = request.headers.get("Accept", ""), self.tracker.health(actors=False)

        def encode() -> CachedResponse:
            counts = self.streams.counts
            body, kind = self.page.encode(self.tracker.snapshot, health, accept, counts)
            return negotiate(uncached_answer(body, kind), gzip=packed)

        answer = await trio.to_thread.run_sync(encode, limiter=self.scraping)
        return response_of(answer, known=False)

    @describe(
        "present", text(EVENTS, says="A snapshot, then changes and heartbeats."), errors=[503]
    )
    async def events(self) -> Response:
        """Stream changes as they happen.

        ``snapshot`` comes first: the status document, with the best document as ``best``, the open
        ``incidents``, as /api/incidents has them, and ``mutes``. Then, for what changed,
        ``provider`` (its document), ``offer`` (each watched offer of it that changed), ``best``,
        ``incident`` (one as in /api/incidents) and ``mutes``, and a ``heartbeat`` every ten
        seconds. The last event of each change has an ``id``: a reader that names the present one
        (Last-Event-ID) gets a heartbeat in place of the snapshot.
        """
        query()
        peer = peer_of_request()
        self.streams.check_room(peer)
        last = request.headers.get("Last-Event-ID")
        return event_stream(self.streams.stream(last, peer=peer))


def peer_of_request() -> str:
    """Return the name under which the client of the present request is counted."""
    return peer_of(request.scope.get("client"))


def event_stream(chunks: AsyncIterator[bytes]) -> Response:
    """Answer with events as they come; a HEAD with none."""
    if request.method == "HEAD":
        return _no_store(Response(b"", content_type=EVENTS))
    response = Response(chunks, content_type=EVENTS)
    response.timeout = None
    response.headers["X-Accel-Buffering"] = "no"  # otherwise nginx would buffer events
    return _no_store(response)


async def view_health(health: TrackerHealth) -> schemas.Health:
    """Build what ``/api/providers/health`` answers, in turns with others."""
    actors: dict[str, schemas.Actor] = {}
    for number, (name, actor) in enumerate(health.actors.items(), 1):
        actors[name] = convert(schemas.Actor, actor)
        if number % SLICE == 0:
            await trio.lowlevel.checkpoint()
    return convert(schemas.Health, health, actors=actors)


def _uncached_json(value: object, *, ok: bool) -> Response:
    status = 200 if ok else 503
    return _no_store(Response(msgspec.json.encode(value), status, content_type=JSON))


def _no_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
