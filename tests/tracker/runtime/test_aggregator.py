"""The aggregator alone: each message by hand, and what the next snapshot says of it."""

import pytest
import trio
from trio.testing import MockClock

from benchmarks.torture.loop import MOST_MS
from tests.helpers.aggregator_desk import Desk, remote
from tests.helpers.factories import finding, provider
from tests.helpers.fair_time import fair_ms
from tests.helpers.garbage import no_collector
from tests.helpers.turn_timer import timed_turns
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.records import CheckRecord, CorrectionRecord
from tracker.core.redaction import Mask, Secret
from tracker.core.shared_wakes import MANY_PROVIDERS, WIDTH_SECONDS
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.messages import (
    ActorCrashed,
    CheckCompleted,
    CheckRescheduled,
    Message,
    ProviderAdded,
    ProviderRemoved,
    Publish,
    SettingsChanged,
)

REMOTE = ("alpha", "beta", "gamma")
DNS, OK, SERVER = OutcomeKind.DNS, OutcomeKind.OK, OutcomeKind.SERVER


async def test_failures_on_three_hosts_count_against_no_provider(autojump_clock: MockClock) -> None:
    desk = Desk.open(*map(remote, REMOTE))
    for name in REMOTE:
        desk.report(name, OK)
    await trio.sleep(300.0)
    for name in REMOTE:
        desk.report(name, DNS, message=f"{name}.example cannot be resolved")
    snapshot = desk.publish()
    assert snapshot.network_away
    for name in REMOTE:
        seen = snapshot.providers[name]
        assert (seen.consecutive_failures, seen.uptime.day) == (0, 100.0)
        assert (seen.status, seen.usable) == (Status.UNKNOWN, False)
        assert "our network cannot be reached" in seen.reason


async def test_checks_stored_as_failures_before_the_network_was_blamed_are_corrected(
    autojump_clock: MockClock,
) -> None:
    desk = Desk.open(*map(remote, REMOTE))
    for name in REMOTE:
        desk.report(name, DNS, message="no such host")
    stored = desk.stored
    corrected = [record.provider for record in stored if isinstance(record, CorrectionRecord)]
    kinds = [record.result.kind for record in stored if isinstance(record, CheckRecord)]
    assert corrected == ["alpha", "beta"]  # the third was judged after all three were known
    assert kinds == [DNS, DNS, OutcomeKind.INTERNAL]


async def test_the_first_answer_clears_our_network(autojump_clock: MockClock) -> None:
    desk = Desk.open(*map(remote, REMOTE))
    for name in REMOTE:
        desk.report(name, DNS)
    desk.report("beta", OK)
    snapshot = desk.publish()
    assert not snapshot.network_away
    assert snapshot.providers["beta"].usable
    desk.report("alpha", SERVER)
    assert "our network" not in desk.view("alpha").reason


async def test_a_message_that_crashes_twice_is_dropped_and_its_sender_continues(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk.open(provider("groq"))
    done = trio.Event()

    def crash(_: Message) -> None:
        raise ZeroDivisionError

    outbox, inbox = trio.open_memory_channel[Message](10)
    await outbox.send(SettingsChanged(rank=FallbackRanker(), mask=Mask(()), done=done))
    monkeypatch.setattr(Aggregator, "handle", lambda _, message: crash(message))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await desk.aggregator.run(inbox)
    monkeypatch.undo()
    await outbox.aclose()
    await desk.aggregator.run(inbox)
    assert done.is_set()
    assert desk.aggregator.dropped == 1


async def test_late_messages_of_a_removed_provider_change_nothing(
    autojump_clock: MockClock,
) -> None:
    desk = Desk.open(provider("groq"), provider("mistral"))
    desk.report("groq", OK)
    desk.aggregator.handle(ProviderRemoved(name="groq"))
    stored = desk.stored
    desk.report("groq", SERVER)
    desk.aggregator.handle(CheckRescheduled(provider="groq", next_due=10.0))
    crash = ActorCrashed.of("groq", ZeroDivisionError("late"), count=1, spent=False)
    desk.aggregator.handle(crash)
    desk.aggregator.handle(ProviderRemoved(name="groq"))
    desk.aggregator.handle(ProviderRemoved(name="never-watched"))
    assert desk.stored == stored
    assert list(desk.publish().providers) == ["mistral"]


async def test_a_provider_that_comes_back_keeps_its_history(autojump_clock: MockClock) -> None:
    desk = Desk.open(provider("groq"))
    desk.report("groq", OK)
    desk.report("groq", SERVER)
    desk.aggregator.handle(ProviderRemoved(name="groq"))
    desk.publish()
    desk.aggregator.handle(ProviderAdded(provider=provider("groq")))
    seen = desk.view("groq")
    assert (seen.checks_24h, seen.uptime.day, seen.next_check) == (2, 50.0, None)


async def test_the_first_sweep_does_not_wait_for_midnight(autojump_clock: MockClock) -> None:
    desk = Desk.open(provider("groq"), provider("mistral"))
    desk.report("groq", OK)
    assert not desk.publish().swept
    midnight = desk.aggregator.clock.steady() + 43_200.0
    desk.aggregator.handle(
        CheckRescheduled(provider="mistral", next_due=midnight, waits_for_budget=True)
    )
    snapshot = desk.publish()
    assert snapshot.swept
    assert snapshot.providers["mistral"].waits_for_budget


async def test_a_crashed_actor_is_no_failure_of_its_provider(autojump_clock: MockClock) -> None:
    desk = Desk.open(provider("groq"))
    desk.aggregator.handle(
        SettingsChanged(
            rank=FallbackRanker(), mask=Mask((Secret("s3cret-key"),)), done=trio.Event()
        )
    )
    desk.report("groq", OK)
    crash = ActorCrashed.of("groq", ValueError("bad s3cret-key"), count=5, spent=True)
    desk.aggregator.handle(crash)
    seen = desk.view("groq")
    assert (seen.outcome, seen.status) == (OutcomeKind.INTERNAL, Status.UNKNOWN)
    assert (seen.consecutive_failures, seen.uptime.day, seen.next_check) == (0, 100.0, None)
    assert "ValueError: bad" in seen.error_message
    assert "s3cret" not in seen.error_message + seen.reason


async def test_very_many_changes_are_published_in_one_snapshot_and_many_turns() -> None:
    """All at once they took 0.2 s, in which nothing else ran."""
    names = [f"p{number:04}" for number in range(2_000)]
    desk = Desk.open(*map(provider, names))
    outbox, inbox = trio.open_memory_channel[Message](10)
    desk.publish()
    async with trio.open_nursery() as nursery, outbox:
        for kind in (OK, SERVER, SERVER):
            for name in names:
                desk.report(name, kind)
        before, done = desk.aggregator.board.latest, trio.Event()
        await outbox.send(Publish(done=done))
        with no_collector(), timed_turns() as timer, desk.aggregator.board.subscribe() as feed:
            nursery.start_soon(desk.aggregator.run, inbox)
            await done.wait()
            after = await feed.receive()
        assert after.revision == before.revision + 1
        assert {view.consecutive_failures for view in after.providers.values()} == {2}
        assert len(after.ranking.ordered) == len(names)
        assert fair_ms(timer.worst) <= MOST_MS


async def test_a_publication_that_crashed_is_made_up_for_whoever_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk.open(provider("a"))
    outbox, inbox = trio.open_memory_channel[Message](10)
    done = trio.Event()

    def broken(_: Aggregator) -> None:
        raise ZeroDivisionError

    async with outbox:
        await outbox.send(Publish(done=done))
        with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
            patch.setattr(Aggregator, "_publish_in_steps", broken)
            await desk.aggregator.run(inbox)
        assert not done.is_set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.aggregator.run, inbox)
            with trio.fail_after(GIVE_UP_SECONDS):
                await done.wait()
            await outbox.aclose()
    assert list(desk.aggregator.board.latest.providers) == ["a"]


async def test_results_of_many_providers_share_a_wake_and_a_snapshot(
    autojump_clock: MockClock,
) -> None:
    desk = Desk.open(*(provider(f"p{number}") for number in range(MANY_PROVIDERS)))
    for number in range(MANY_PROVIDERS):
        desk.report(f"p{number}", OK)
    outbox, inbox = trio.open_memory_channel[Message](9)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.aggregator.run, inbox)
        await outbox.send(Publish(done=trio.Event()))
        await trio.sleep(1.01)
        before = desk.aggregator.board.latest.revision
        for name in ("p1", "p2", "p3"):
            result = finding(SERVER, provider=name, at=desk.aggregator.clock.now())
            assert desk.aggregator.collect(CheckCompleted(result=result, next_due=None))
        assert desk.aggregator.board.latest.revision == before
        await trio.sleep(WIDTH_SECONDS)
        latest = desk.aggregator.board.latest
        assert latest.revision == before + 1
        assert {latest.providers[name].outcome for name in ("p1", "p2", "p3")} == {SERVER}
        nursery.cancel_scope.cancel()


async def test_a_message_that_comes_upon_collected_results_is_handled_though_the_wait_ended(
    autojump_clock: MockClock,
) -> None:
    """Handling them takes several turns, and the wait in which the message came may end."""
    names = [f"p{number}" for number in range(MANY_PROVIDERS)]
    desk = Desk.open(*map(provider, names))
    for name in names:
        desk.report(name, OK)
    outbox, inbox = trio.open_memory_channel[Message](9)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.aggregator.run, inbox)
        await outbox.send(Publish(done=trio.Event()))
        await trio.sleep(1.01)
        for name in names:
            result = finding(SERVER, provider=name, at=desk.aggregator.clock.now())
            assert desk.aggregator.collect(CheckCompleted(result=result, next_due=None))
        outbox.send_nowait(ProviderRemoved(name="p1"))
        desk.aggregator._collected._until.cancel()  # as when it is due in this very moment
        await trio.sleep(1.0)
        views = desk.aggregator.board.latest.providers
        assert {view.outcome for view in views.values()} == {SERVER}
        assert views.keys() == set(names) - {"p1"}
        nursery.cancel_scope.cancel()


async def test_results_of_few_providers_are_never_collected() -> None:
    desk = Desk.open(provider("a"))
    result = finding(OK, provider="a", at=desk.aggregator.clock.now())
    assert not desk.aggregator.collect(CheckCompleted(result=result, next_due=None))
