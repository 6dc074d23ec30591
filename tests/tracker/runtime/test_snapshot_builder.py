"""tracker.runtime.snapshot_builder: what the next snapshot shows, and who is ranked first."""

import trio
from trio.testing import MockClock

from tests.helpers.aggregator_desk import Desk
from tests.helpers.factories import provider
from tracker.core.outcomes import OutcomeKind
from tracker.runtime.messages import HistoryLoaded
from tracker.runtime.publication import REFRESHED_AT_ONCE

OK = OutcomeKind.OK


async def test_the_best_before_the_start_is_protected_in_the_first_sweep(
    autojump_clock: MockClock,
) -> None:
    def best_of(restored: str | None) -> str | None:
        desk = Desk.open(provider("groq"), provider("mistral"), provider("together"))
        desk.aggregator.handle(HistoryLoaded(past={}, best=restored))
        desk.report("mistral", OK)
        desk.report("groq", OK)
        snapshot = desk.publish()
        assert not snapshot.swept
        return snapshot.ranking.best

    assert best_of(None) == "groq"  # equal in all but the name
    assert best_of("mistral") == "mistral"


async def test_when_all_grow_stale_at_once_a_few_are_published_at_a_time(
    autojump_clock: MockClock,
) -> None:
    names = [f"p{number:03}" for number in range(4 * REFRESHED_AT_ONCE)]
    desk = Desk.open(*map(provider, names))
    for name in names:
        desk.report(name, OK)
    desk.publish()
    await trio.sleep(86_400.0)  # as after a sleep of the machine
    stale = [sum(each.stale for each in desk.publish().providers.values()) for _ in range(5)]
    assert stale[0] <= 2 * REFRESHED_AT_ONCE  # these, and those whose turn it is
    assert stale[-1] == len(names)
    assert desk.aggregator._builder.pool.next_change() == float("inf")
