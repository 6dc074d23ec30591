"""The live feed: what changed from one snapshot to the next, as server-sent events.

One encoding serves all streams. A stream that cannot keep up is ended by its board, and starts
afresh with a whole snapshot when its reader comes back.
"""

import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator

import attrs
import msgspec
import trio

from api.http.response_cache import ResponseCache
from api.schemas import incidents as schemas
from api.schemas.convert import convert, instant
from api.schemas.status import NamedOffer
from tracker.core.clock import Clock
from tracker.core.incidents import IncidentLog
from tracker.core.snapshot import ProviderStatus, Snapshot
from tracker.runtime.board import Board

HEARTBEAT_SECONDS = 10.0  # whatever else is sent: it tells the server's time, and that it lives
KEPT = 32  # encoded steps: readers lag behind by a few snapshots at most
RETRY = b"retry: 2000\n\n"  # milliseconds until a browser comes back


@attrs.define(eq=False)
class Streams:
    """All open streams of one server. ``stop`` ends them at once.

    ``boot`` tells this process's revisions from those of the one before a restart.
    """

    board: Board
    answers: ResponseCache
    clock: Clock = Clock()
    boot: str = attrs.field(factory=lambda: secrets.token_hex(4))
    open: int = 0
    _stopped: bool = False
    _waits: set[trio.CancelScope] = attrs.field(factory=set)
    _encoded: OrderedDict[tuple[int, int], bytes] = attrs.field(factory=OrderedDict)

    async def stream(self, last_event_id: str | None) -> AsyncIterator[bytes]:
        """Chunks of whole events, for ever. ``last_event_id``: what the reader saw last."""
        self.open += 1
        try:
            with self.board.subscribe() as feed:
                seen = self.board.latest
                current = last_event_id == self._id(seen)
                next_beat = trio.current_time() + HEARTBEAT_SECONDS
                yield RETRY + (self._heartbeat() if current else self._step(None, seen))
                while True:
                    snapshot = await self._next(feed, next_beat)
                    if snapshot is None:
                        next_beat = trio.current_time() + HEARTBEAT_SECONDS
                        yield self._heartbeat()
                    elif step := self._step(seen, snapshot):
                        yield step
                    seen = snapshot or seen
        except trio.EndOfChannel:
            return
        finally:
            self.open -= 1

    def stop(self) -> None:
        self._stopped = True
        for wait in tuple(self._waits):
            wait.cancel()

    async def _next(
        self, feed: trio.MemoryReceiveChannel[Snapshot], next_beat: float
    ) -> Snapshot | None:
        """The next snapshot, or None once a heartbeat is due, however many snapshots wait.

        Raises trio.EndOfChannel at the feed's end and at ``stop``.
        """
        found = None
        with trio.move_on_at(next_beat) as wait:
            self._waits.add(wait)
            if self._stopped:  # while this stream was sending
                wait.cancel()
            try:
                found = await feed.receive()
            finally:
                self._waits.discard(wait)
        if self._stopped:
            raise trio.EndOfChannel
        return found

    def _step(self, before: Snapshot | None, after: Snapshot) -> bytes:
        """The events that lead from one snapshot to the other; none for no change."""
        key = (-1 if before is None else before.revision, after.revision)
        if key not in self._encoded:
            self._encoded[key] = self._encode(before, after)
            if len(self._encoded) > KEPT:
                self._encoded.popitem(last=False)
        return self._encoded[key]

    def _encode(self, before: Snapshot | None, after: Snapshot) -> bytes:
        """The last event alone has the id: a reader cut off before it lacks some of the step."""
        if before is None or before.providers.keys() - after.providers.keys():
            events = [_event("snapshot", self._whole(after))]
        else:
            events = list(self._changes(before, after))
        if events:
            events[-1] = b"id: %s\n%s" % (self._id(after).encode(), events[-1])
        return b"".join(events)

    def _changes(self, before: Snapshot, after: Snapshot) -> Iterator[bytes]:
        for name, provider in after.providers.items():
            known = before.providers.get(name)
            if known is not provider and known != provider:
                yield _event("provider", self.answers.piece(provider))
                yield from _offer_events(known, provider)
        if before.ranking is not after.ranking and before.ranking != after.ranking:
            yield _event("best", self.answers.best(after).body)
        if before.incidents is not after.incidents:
            yield from _incident_events(before.incidents, after.incidents)

    def _whole(self, snapshot: Snapshot) -> bytes:
        """The /status document, with the /best document in it."""
        best = msgspec.Raw(self.answers.best(snapshot).body)
        status = msgspec.json.decode(
            self.answers.status(snapshot).body, type=dict[str, msgspec.Raw]
        )
        return msgspec.json.encode({**status, "best": best})

    def _heartbeat(self) -> bytes:
        return _event("heartbeat", msgspec.json.encode({"timestamp": instant(self.clock.now())}))

    def _id(self, snapshot: Snapshot) -> str:
        return f"{self.boot}-{snapshot.revision}"


def _offer_events(before: ProviderStatus | None, after: ProviderStatus) -> Iterator[bytes]:
    known = {} if before is None else {offer.model: offer for offer in before.offers}
    for offer in after.offers:
        if known.get(offer.model) != offer:
            shown = convert(NamedOffer, offer, provider_name=after.name)
            yield _event("offer", msgspec.json.encode(shown))


def _incident_events(before: IncidentLog, after: IncidentLog) -> Iterator[bytes]:
    known = {incident.id: incident for incident in before.incidents}
    for incident in after.incidents:
        if known.get(incident.id) != incident:
            shown = convert(schemas.Incident, incident)
            yield _event("incident", msgspec.json.encode(shown))
    if before.mutes != after.mutes:
        mutes = {name: instant(until) for name, until in after.mutes.items()}
        yield _event("mutes", msgspec.json.encode(mutes))


def _event(kind: str, data: bytes) -> bytes:
    """JSON has no line breaks of its own, so one data line holds it."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), data)
