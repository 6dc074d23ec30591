"""The live feed: what comes, when, and when it ends. On virtual time."""

import contextlib
import json
from datetime import timedelta
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from api.connection_counts import Refusal
from api.http import server_sent_events as events
from api.http.problems import Problem
from api.http.response_cache import ResponseCache
from api.http.server_sent_events import Streams
from tests.helpers.fair_time import fair_ms
from tests.helpers.garbage import no_collector
from tests.helpers.idle_tracker import NOON, a_provider, a_tracker
from tests.helpers.turn_timer import timed_turns
from tracker.core.clock import Clock
from tracker.core.incidents import Cause, Incident, IncidentLog
from tracker.core.outcomes import Status
from tracker.core.provider_status import EvidenceSource, OfferStatus
from tracker.runtime.board import FEED_CAPACITY

MOST_MS = 25.0
WELL, OTHER = a_provider(), a_provider("mistral", response_time_ms=310.0)


def streams_of(tracker: Any) -> Streams:
    return Streams(tracker.board, ResponseCache(), clock=Clock(now=lambda: NOON), boot="boot")


def parsed(chunk: Any) -> Any:
    """Events of a chunk as (id, kind, data)."""
    found = []
    for block in chunk.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if "data" in fields:
            found.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
    return found


async def test_connecting_gives_the_status_with_the_best_in_it() -> None:
    tracker = a_tracker(WELL, OTHER)
    stream = streams_of(tracker).stream(None)
    [(event_id, kind, data)] = parsed(await anext(stream))
    assert (event_id, kind) == ("boot-1", "snapshot")
    assert list(data["providers"]) == ["groq", "mistral"]
    assert data["best"]["best_provider"] == "groq"
    assert data["timestamp"] == "2026-03-01T12:00:00.000Z"
    await stream.aclose()


async def test_only_what_changed_follows() -> None:
    tracker = a_tracker(WELL, OTHER)
    stream = streams_of(tracker).stream(None)
    await anext(stream)
    tracker.post(WELL, a_provider("mistral", response_time_ms=100.0))
    [provider, best] = parsed(await anext(stream))
    assert provider[:2] == (None, "provider")
    assert (provider[2]["provider_name"], provider[2]["response_time_ms"]) == ("mistral", 100.0)
    assert best[:2] == ("boot-2", "best")
    assert best[2]["best_provider"] == "mistral"
    await stream.aclose()


async def test_an_offer_that_changed_follows_its_provider() -> None:
    def watching(**changes: Any) -> Any:
        status = {"status": Status.HEALTHY, "usable": True, "reason": "", **changes}
        evidence = EvidenceSource.OFFER
        same = OfferStatus(
            model="b",
            variant=None,
            evidence=evidence,
            reason="",
            usable=True,
            status=Status.HEALTHY,
        )
        return a_provider(
            offers=(OfferStatus(model="a", variant=None, evidence=evidence, **status), same)
        )

    tracker = a_tracker(watching())
    stream = streams_of(tracker).stream(None)
    await anext(stream)
    tracker.post(watching(status=Status.DOWN, usable=False))
    [provider, offer] = parsed(await anext(stream))
    assert (provider[1], offer[:2]) == ("provider", ("boot-2", "offer"))
    assert (offer[2]["provider_name"], offer[2]["model"], offer[2]["status"]) == (
        "groq",
        "a",
        "down",
    )
    await stream.aclose()


@pytest.mark.parametrize("seen", [1, 2, 3])
async def test_a_client_cut_off_within_a_change_gets_the_whole_again(seen: int) -> None:
    tracker = a_tracker(WELL, OTHER)
    streams = streams_of(tracker)
    async with contextlib.aclosing(streams.stream(None)) as stream:
        read = parsed(await anext(stream))
        tracker.post(*(a_provider(p.name, response_time_ms=9.0) for p in (OTHER, WELL)))
        change = parsed(await anext(stream))
    assert [kind for _, kind, _ in change] == ["provider", "provider", "best"]
    last_id = [event_id for event_id, _, _ in read + change[:seen] if event_id][-1]
    async with contextlib.aclosing(streams.stream(last_id)) as stream:
        again = [kind for _, kind, _ in parsed(await anext(stream))]
    assert again == ["heartbeat" if seen == len(change) else "snapshot"]


async def test_a_snapshot_that_changes_nothing_sends_nothing(autojump_clock: MockClock) -> None:
    tracker = a_tracker(WELL)
    stream = streams_of(tracker).stream(None)
    await anext(stream)
    tracker.post(a_provider(), at=NOON + timedelta(seconds=60))  # equal, not identical
    assert parsed(await anext(stream))[0][1] == "heartbeat"
    await stream.aclose()


async def test_a_removed_provider_sends_a_whole_snapshot() -> None:
    tracker = a_tracker(WELL, OTHER)
    stream = streams_of(tracker).stream(None)
    await anext(stream)
    tracker.post(WELL)
    [(_, kind, data)] = parsed(await anext(stream))
    assert (kind, list(data["providers"])) == ("snapshot", ["groq"])
    await stream.aclose()


async def test_a_heartbeat_is_sent_within_fifteen_seconds(autojump_clock: MockClock) -> None:
    stream = streams_of(a_tracker(WELL)).stream(None)
    await anext(stream)
    for _ in range(3):
        began = trio.current_time()
        [(event_id, kind, data)] = parsed(await anext(stream))
        assert (event_id, kind, data) == (
            None,
            "heartbeat",
            {"timestamp": "2026-03-01T12:00:00.000Z"},
        )
        assert trio.current_time() - began == pytest.approx(10.0)
    await stream.aclose()


@pytest.mark.parametrize("changing", [True, False], ids=["changes", "the same again"])
@pytest.mark.parametrize("gap", [0.1, 9.9])
async def test_snapshots_do_not_delay_a_heartbeat(
    autojump_clock: MockClock, nursery: trio.Nursery, gap: float, changing: bool
) -> None:
    tracker = a_tracker(WELL)

    async def post() -> None:
        for number in range(round(35.0 / gap)):
            await trio.sleep(gap)
            tracker.post(a_provider(response_time_ms=float(number) if changing else 245.07))

    nursery.start_soon(post)
    beats, others = [], set()
    async with contextlib.aclosing(streams_of(tracker).stream(None)) as stream:
        while len(beats) < 3:
            for _, kind, _ in parsed(await anext(stream)):
                if kind == "heartbeat":
                    beats.append(trio.current_time())
                else:
                    others.add(kind)
    assert beats == pytest.approx([10.0, 20.0, 30.0])
    assert ("provider" in others) is changing
    nursery.cancel_scope.cancel()


async def test_a_heartbeat_is_sent_before_waiting_snapshots(autojump_clock: MockClock) -> None:
    tracker = a_tracker(WELL)
    stream = streams_of(tracker).stream(None)
    await anext(stream)
    await trio.sleep(10.5)  # the reader was slow
    tracker.post(a_provider(response_time_ms=1.0))
    kinds = [kind for _ in range(2) for _, kind, _ in parsed(await anext(stream))]
    assert kinds[:2] == ["heartbeat", "provider"]
    await stream.aclose()


@pytest.mark.parametrize(
    ("last_event_id", "again"),
    [("boot-1", False), ("boot-0", True), ("older-1", True), ("", True), ("nonsense", True)],
)
async def test_a_client_with_the_current_snapshot_gets_a_heartbeat_instead(
    last_event_id: str, again: bool
) -> None:
    stream = streams_of(a_tracker(WELL)).stream(last_event_id)
    first = await anext(stream)
    assert first.startswith(b"retry: 2000\n\n")
    assert [kind for _, kind, _ in parsed(first)] == ["snapshot" if again else "heartbeat"]
    await stream.aclose()


async def test_a_slow_reader_is_disconnected_and_delays_no_other() -> None:
    tracker = a_tracker(WELL)
    streams = streams_of(tracker)
    slow, quick = streams.stream(None), streams.stream(None)
    await anext(slow)
    await anext(quick)
    for number in range(FEED_CAPACITY + 4):
        tracker.post(a_provider(response_time_ms=float(number)))
        assert parsed(await anext(quick))[0][2]["response_time_ms"] == float(number)
    assert len([chunk async for chunk in slow]) == FEED_CAPACITY  # kept for it, then the end
    assert tracker.board.dropped == 1
    await quick.aclose()


async def test_stop_ends_every_stream_at_once(autojump_clock: MockClock) -> None:
    streams = streams_of(a_tracker(WELL))
    ended = []

    async def read(number: int) -> None:
        async for _ in streams.stream(None):
            pass
        ended.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(read, number)
        await trio.sleep(3)
        assert streams.open == 5
        streams.stop()
    assert ended == [3.0] * 5
    assert streams.open == 0


async def test_a_stream_that_was_sending_at_the_stop_ends_before_it_waits(
    autojump_clock: MockClock,
) -> None:
    streams = streams_of(a_tracker(WELL))
    stream = streams.stream(None)
    await anext(stream)
    streams.stop()
    assert [chunk async for chunk in stream] == []
    assert trio.current_time() == 0.0


async def test_a_change_is_encoded_once_for_all_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = a_tracker(WELL)
    streams = streams_of(tracker)
    readers = [streams.stream(None) for _ in range(5)]
    for reader in readers:
        await anext(reader)
    encoded = []
    monkeypatch.setattr(
        events.PublicView,
        "changes",
        lambda self, *_: encoded.append(1) or iter([("provider", b"{}")]),
    )
    tracker.post(OTHER, WELL)
    assert [await anext(reader) for reader in readers] == [
        b"id: boot-2\nevent: provider\ndata: {}\n\n"
    ] * 5
    assert encoded == [1]
    for reader in readers:
        await reader.aclose()


GROQ_IS_DOWN = Incident(
    id="abc",
    cause=Cause.PROVIDER,
    subject="groq",
    opened_at=NOON,
    noticed_at=NOON,
    summary="groq is down",
)


async def test_a_new_stream_begins_with_open_incidents_and_mutes_only() -> None:
    tracker = a_tracker(WELL)
    over = attrs.evolve(GROQ_IS_DOWN, id="old", closed_at=NOON)
    log = IncidentLog(incidents=(GROQ_IS_DOWN, over), mutes={"groq": NOON})
    tracker.board.post(attrs.evolve(tracker.snapshot, revision=2, incidents=log))
    stream = streams_of(tracker).stream(None)
    [(_, kind, data)] = parsed(await anext(stream))
    assert (kind, [each["id"] for each in data["incidents"]]) == ("snapshot", ["abc"])
    assert data["mutes"] == {"groq": "2026-03-01T12:00:00.000Z"}
    await stream.aclose()


async def test_changes_of_incidents_and_mutes_are_sent() -> None:
    tracker = a_tracker(WELL)
    stream = streams_of(tracker).stream(None)
    await anext(stream)
    log = IncidentLog(incidents=(GROQ_IS_DOWN,), mutes={"groq": NOON})
    tracker.board.post(attrs.evolve(tracker.snapshot, revision=2, incidents=log))
    [shown, mutes] = parsed(await anext(stream))
    assert (shown[1], shown[2]["id"], shown[2]["cause"]) == ("incident", "abc", "provider")
    assert mutes[1:] == ("mutes", {"groq": "2026-03-01T12:00:00.000Z"})
    await stream.aclose()


async def test_one_address_has_three_quarters_of_the_streams() -> None:
    streams = attrs.evolve(streams_of(a_tracker(WELL)), most=4)
    opened = []
    for _ in range(3):
        streams.check_room("a")
        opened.append(streams.stream(None, peer="a"))
        await anext(opened[-1])
    with pytest.raises(Problem, match="your address"):
        streams.check_room("a")
    assert streams.counts.refused == {Refusal.STREAMS: 1}
    streams.check_room("b")
    await opened.pop().aclose()
    streams.check_room("a")
    for stream in opened:
        await stream.aclose()
    assert not streams.open_by_peer


async def test_streams_use_at_most_half_of_the_places() -> None:
    streams = attrs.evolve(streams_of(a_tracker(WELL)), most=2)
    opened = []
    for _ in range(2):
        streams.check_room()
        opened.append(streams.stream(None))
        await anext(opened[-1])
    with pytest.raises(Problem) as refused:
        streams.check_room()
    assert refused.value.status == 503
    await opened.pop().aclose()
    streams.check_room()
    await opened.pop().aclose()


async def test_thousands_of_changed_incidents_never_hold_the_loop() -> None:
    """At once, they took 80 ms; the events are the same as those of a stream that comes alone."""
    tracker = a_tracker(WELL)
    shown = [attrs.evolve(GROQ_IS_DOWN, id=f"{number}") for number in range(3_000)]
    later = [attrs.evolve(each, summary="groq is down again") for each in shown]
    logs = [IncidentLog(incidents=tuple(each)) for each in (shown, later)]
    first, second = (
        attrs.evolve(tracker.snapshot, revision=number, incidents=log)
        for number, log in enumerate(logs, 2)
    )
    streams = streams_of(tracker)
    tracker.board.post(first)
    await trio.lowlevel.checkpoint()
    with no_collector(), timed_turns() as timer:
        stream, other = streams.stream(None), streams.stream("boot-2")
        whole, beat = await anext(stream), await anext(other)
        tracker.board.post(second)
        changes = await anext(stream)
        assert await anext(other) == changes
    assert fair_ms(timer.worst) <= MOST_MS
    assert b"heartbeat" in beat
    [(_, kind, data)] = parsed(whole)
    assert (kind, len(data["incidents"])) == ("snapshot", 3_000)
    assert {kind for _, kind, _ in parsed(changes)} == {"incident"}
    alone = events.PublicView(ResponseCache())
    told = [json.loads(data) for _, data in alone.changes(first, second)]
    assert [data for _, _, data in parsed(changes)] == told
    assert data["incidents"] == json.loads(alone.whole(first))["incidents"]
    for each in (stream, other):
        await each.aclose()


async def test_a_step_whose_maker_left_is_made_by_another_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tracker = a_tracker(WELL)
    streams = streams_of(tracker)
    calls, go_on = [0], trio.Event()

    async def prepare(*_: object) -> None:
        calls[0] += 1
        if calls[0] == 1:
            await go_on.wait()

    monkeypatch.setattr(events.PublicView, "prepare", prepare)
    got: list[bytes] = []

    async def read() -> None:
        async with contextlib.aclosing(streams.stream(None)) as stream:
            got.append(await anext(stream))

    leaves = trio.CancelScope()
    async with trio.open_nursery() as nursery:

        async def leave() -> None:
            with leaves:
                await read()

        nursery.start_soon(leave)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        assert (calls, got) == ([1], [])
        leaves.cancel()
    assert calls == [2]
    assert b"event: snapshot" in got[0]
