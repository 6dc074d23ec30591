"""The event stream: changes from one snapshot to the next, as server-sent events.

Events are encoded once for all streams. A stream that cannot keep up is ended by the board, and
starts again with a whole snapshot when its reader reconnects.
"""

import secrets
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Iterator
from typing import Protocol

import attrs
import msgspec
import trio

from api.connection_counts import PEER_SHARE, ConnectionCounts, Refusal
from api.http.problems import CROWDED_OUT, Problem
from api.http.response_cache import ResponseCache
from api.schemas import incidents as schemas
from api.schemas.convert import convert, instant
from api.schemas.status import NamedOffer
from tracker.core.clock import Clock
from tracker.core.incidents import Incident, IncidentLog
from tracker.core.provider_status import ProviderStatus
from tracker.core.slices import Turn
from tracker.core.snapshot import Snapshot
from tracker.runtime.board import Board

HEARTBEAT_SECONDS = 10.0  # always sent: it shows the server's time, and that it is alive
KEPT = 32  # encoded steps: readers are at most a few snapshots behind
BACK = b"retry: 2000\n\n"  # milliseconds until a browser reconnects


class EventView(Protocol):
    """The events of one kind of stream. Each event has a kind and JSON."""

    async def prepare(self, snapshot: Snapshot) -> None:
        """Encode in turns with others what would take long at once."""
        ...

    def whole(self, snapshot: Snapshot) -> bytes:
        """Return the data of the ``snapshot`` event."""
        ...

    def changes(self, before: Snapshot, after: Snapshot) -> Iterator[tuple[str, bytes]]:
        """Yield the events that lead from one snapshot to the next."""
        ...

    def heartbeat(self, now: str) -> bytes:
        """Return the data of the ``heartbeat`` event."""
        ...


Step = tuple[EventView, int, int]  # from one revision to another; -1: from nothing


@attrs.define(eq=False)
class PublicView:
    """The events of ``/api/providers/events``: whole documents."""

    answers: ResponseCache
    _best: tuple[Snapshot, bytes] | None = None
    _incidents: dict[str, tuple[Incident, bytes]] = attrs.field(factory=dict)
    _log: IncidentLog | None = None  # whose incidents are encoded

    async def prepare(self, snapshot: Snapshot) -> None:
        """Encode what changed of many providers and incidents in slices, a long ranking apart."""
        await self.answers.prepare(snapshot)
        if snapshot.incidents is not self._log:
            await self._prepare_incidents(snapshot.incidents)
        if not self.answers.is_best_quick(snapshot):
            self._best = snapshot, (await self.answers.best_slowly(snapshot)).body

    def whole(self, snapshot: Snapshot) -> bytes:
        """Return the /status document, with the /best document, open incidents and mutes in it."""
        best = msgspec.Raw(self._encode_best(snapshot))
        status = msgspec.json.decode(
            self.answers.status(snapshot).body, type=dict[str, msgspec.Raw]
        )
        log = snapshot.incidents
        wrong = [msgspec.Raw(self._piece(each)) for each in log.incidents if not each.closed_at]
        more = {"best": best, "incidents": wrong, "mutes": _view_mutes(log)}
        return msgspec.json.encode({**status, **more})

    def changes(self, before: Snapshot, after: Snapshot) -> Iterator[tuple[str, bytes]]:
        """Yield ``(event, JSON body)`` for each provider, offer, best and incident changed."""
        for name, provider in after.providers.items():
            known = before.providers.get(name)
            if known is not provider and known != provider:
                yield "provider", self.answers.piece(provider)
                yield from _offer_events(known, provider)
        if before.ranking is not after.ranking and before.ranking != after.ranking:
            yield "best", self._encode_best(after)
        if before.incidents is not after.incidents:
            yield from self._incident_events(before.incidents, after.incidents)

    def _incident_events(
        self, before: IncidentLog, after: IncidentLog
    ) -> Iterator[tuple[str, bytes]]:
        known = {incident.id: incident for incident in before.incidents}
        for incident in after.incidents:
            was = known.get(incident.id)
            if was is not incident and was != incident:
                yield "incident", self._piece(incident)
        if before.mutes != after.mutes:
            yield "mutes", msgspec.json.encode(_view_mutes(after))

    async def _prepare_incidents(self, log: IncidentLog) -> None:
        turn = Turn()
        pieces: dict[str, tuple[Incident, bytes]] = {}
        for each in log.incidents:
            pieces[each.id] = each, self._piece(each)
            await turn.end_if_long()
        self._incidents, self._log = pieces, log

    def _piece(self, incident: Incident) -> bytes:
        """Return an incident as JSON, encoded once for each of its versions."""
        known = self._incidents.get(incident.id)
        if known is not None and known[0] is incident:
            return known[1]
        return msgspec.json.encode(convert(schemas.Incident, incident))

    def _encode_best(self, snapshot: Snapshot) -> bytes:
        if self._best is not None and self._best[0] is snapshot:
            return self._best[1]
        return self.answers.best(snapshot).body

    def heartbeat(self, now: str) -> bytes:
        """Return the heartbeat's JSON. now: an ISO 8601 instant in UTC."""
        return msgspec.json.encode({"timestamp": now})


@attrs.define(eq=False)
class Streams:
    """All open streams of one server. ``stop`` ends them immediately.

    ``boot`` distinguishes this process's revisions from those before a restart. ``most``: the limit
    of open streams, since each occupies a client's place for as long as it is open; one address
    may have PEER_SHARE of them. ``counts``: where refused clients are counted.
    """

    board: Board
    answers: ResponseCache
    clock: Clock = Clock()
    boot: str = attrs.field(factory=lambda: secrets.token_hex(4))
    most: int = 5_000
    open: int = 0
    counts: ConnectionCounts = attrs.field(factory=ConnectionCounts)
    open_by_peer: Counter[str] = attrs.field(factory=Counter)
    public: PublicView = attrs.field(init=False)
    _stopped: bool = False
    _waits: set[trio.CancelScope] = attrs.field(factory=set)
    _encoded: OrderedDict[Step, bytes] = attrs.field(factory=OrderedDict)
    _made: dict[Step, trio.Event] = attrs.field(factory=dict)  # being encoded; set at its end

    def __attrs_post_init__(self) -> None:
        self.public = PublicView(self.answers)

    async def stream(
        self, last_event_id: str | None, view: EventView | None = None, peer: str = ""
    ) -> AsyncGenerator[bytes, None]:
        """Yield chunks of whole events, forever. ``last_event_id``: what the reader saw last.

        view: the events to send; those of the public API if None. peer: the name that the client
        is counted under.
        """
        shown = view or self.public
        self.open += 1
        self.open_by_peer[peer] += 1
        try:
            with self.board.subscribe() as feed:
                seen = self.board.latest
                current = last_event_id == self._id(seen)
                next_beat = trio.current_time() + HEARTBEAT_SECONDS
                first = self._heartbeat(shown) if current else await self._step(shown, None, seen)
                yield BACK + first
                while True:
                    snapshot = await self._next(feed, next_beat)
                    if snapshot is None:
                        next_beat = trio.current_time() + HEARTBEAT_SECONDS
                        yield self._heartbeat(shown)
                    elif step := await self._step(shown, seen, snapshot):
                        yield step
                    seen = snapshot or seen
        except trio.EndOfChannel:
            return
        finally:
            self.open -= 1
            self.open_by_peer[peer] -= 1
            if not self.open_by_peer[peer]:
                del self.open_by_peer[peer]

    def check_room(self, peer: str = "") -> None:
        """Raise Problem, 503, when as many streams are open as allowed, in all or to ``peer``."""
        own = max(int(self.most * PEER_SHARE), 1)
        if self.open >= self.most:
            allowed = f"{self.most} event streams are open, which is the limit"
        elif peer and self.open_by_peer[peer] >= own:
            allowed = f"{own} event streams to your address are open, which is the limit of one"
        else:
            return
        self.counts.refused[Refusal.STREAMS] += 1
        instead = "poll /api/providers/status instead, or raise the limit of open files (ulimit -n)"
        raise Problem(status=503, detail=f"{allowed}: {instead}", headers=CROWDED_OUT)

    def stop(self) -> None:
        """End every open stream, and each that is opened later, without an error."""
        self._stopped = True
        for wait in tuple(self._waits):
            wait.cancel()

    async def _next(
        self, feed: trio.MemoryReceiveChannel[Snapshot], next_beat: float
    ) -> Snapshot | None:
        """Return the next snapshot, or None once a heartbeat is due, however many snapshots wait.

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

    async def _step(self, view: EventView, before: Snapshot | None, after: Snapshot) -> bytes:
        """Return the events that lead from one snapshot to the other; none for no change."""
        key = (view, -1 if before is None else before.revision, after.revision)
        while key not in self._encoded:
            if (made := self._made.get(key)) is not None:
                await made.wait()  # another stream encodes it; it may be cancelled meanwhile
                continue
            made = self._made[key] = trio.Event()
            try:
                await view.prepare(after)
                step = self._encoded[key] = await self._encode(view, before, after)
            finally:
                del self._made[key]
                made.set()
            if len(self._encoded) > KEPT:
                self._encoded.popitem(last=False)
            return step
        return self._encoded[key]

    async def _encode(self, view: EventView, before: Snapshot | None, after: Snapshot) -> bytes:
        """Return the events, of which the last one alone has the id.

        A reader cut off before it lacks some of the step.
        """
        if before is None or before.providers.keys() - after.providers.keys():
            events = [_event("snapshot", view.whole(after))]
        else:
            events, turn = [], Turn()
            for kind, data in view.changes(before, after):
                events.append(_event(kind, data))
                await turn.end_if_long()
        if events:
            events[-1] = b"id: %s\n%s" % (self._id(after).encode(), events[-1])
        return b"".join(events)

    def _heartbeat(self, view: EventView) -> bytes:
        return _event("heartbeat", view.heartbeat(instant(self.clock.now())))

    def _id(self, snapshot: Snapshot) -> str:
        return f"{self.boot}-{snapshot.revision}"


def _offer_events(
    before: ProviderStatus | None, after: ProviderStatus
) -> Iterator[tuple[str, bytes]]:
    known = {} if before is None else {offer.model: offer for offer in before.offers}
    for offer in after.offers:
        if known.get(offer.model) != offer:
            shown = convert(NamedOffer, offer, provider_name=after.name)
            yield "offer", msgspec.json.encode(shown)


def _view_mutes(log: IncidentLog) -> dict[str, str]:
    """Return until when each muted provider is muted."""
    return {name: instant(until) for name, until in log.mutes.items()}


def _event(kind: str, data: bytes) -> bytes:
    """Encode one event; JSON has no line breaks of its own, so one data line holds it."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), data)
