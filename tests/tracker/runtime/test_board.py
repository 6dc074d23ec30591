import trio

from tests.helpers.factories import START
from tracker.core.ranking import Ranking
from tracker.core.snapshot import Snapshot
from tracker.runtime.board import Board


def snapshot(revision: int = 0) -> Snapshot:
    return Snapshot(timestamp=START, revision=revision, ranking=Ranking(reason="none"))


async def test_a_feed_gets_every_snapshot_from_then_on() -> None:
    board = Board(snapshot())
    with board.subscribe() as feed:
        board.post(snapshot(1))
        board.post(snapshot(2))
        assert [(await feed.receive()).revision, (await feed.receive()).revision] == [1, 2]
    assert board.latest.revision == 2


async def test_a_slow_reader_is_dropped_and_never_delays_a_post() -> None:
    board = Board(snapshot())
    with board.subscribe(capacity=1) as feed, board.subscribe(capacity=9) as quick:
        for revision in (1, 2, 3):
            board.post(snapshot(revision))
        assert board.dropped == 1
        assert [s.revision async for s in feed] == [1]  # then its feed ends
        assert quick.statistics().current_buffer_used == 3


async def test_a_reader_that_leaves_is_forgotten() -> None:
    board = Board(snapshot())
    with board.subscribe() as feed:
        pass
    board.post(snapshot(1))
    assert board.dropped == 0
    try:
        await feed.receive()
    except trio.ClosedResourceError:
        return
    raise AssertionError("the feed of a reader that left is still open")
