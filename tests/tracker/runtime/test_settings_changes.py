"""A change of settings reaches the aggregator before the actors, one change at a time."""

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.helpers.factories import provider
from tests.helpers.fair_time import fair_ms
from tests.helpers.garbage import no_collector
from tests.helpers.settings_rig import SettingsRig, settings_rig
from tests.helpers.turn_timer import timed_turns
from tracker.core.records import OverrideRecord
from tracker.core.redaction import Mask, Secret
from tracker.core.settings import Config, Provider
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.mailbox import StoppedError
from tracker.runtime.messages import ProviderAdded, ProviderRemoved
from tracker.runtime.supervisor import Supervisor

KEY, NEW_KEY = Secret("canary-0123456789abcdef"), Secret("canary-fedcba9876543210")
MOST_MS = 20.0


def overrides(rig: SettingsRig) -> list[OverrideRecord]:
    waiting = rig.changes.aggregator.backlog.waiting()
    return [record for record in waiting if isinstance(record, OverrideRecord)]


async def begin(rig: SettingsRig) -> None:
    await rig.changes.watch_all()
    for each in rig.changes.settings.effective.providers:
        rig.changes.supervisor.start(each)
    await trio.sleep(1.0)


async def test_an_override_is_applied_stored_and_published(autojump_clock: MockClock) -> None:
    async with settings_rig(provider("a", interval_seconds=300.0)) as rig:
        rig.changes.settings.merge_stored({})
        assert list(rig.changes.settings.merge_stored({})) == []
        await begin(rig)
        tuned = await rig.changes.tune("a", interval_seconds=60.0)
        await wait_all_tasks_blocked()
        assert tuned.timing.interval_seconds == 60.0
        assert [record.interval_seconds for record in overrides(rig)] == [60.0]
        last = [each for each in rig.handled if isinstance(each, ProviderAdded)][-1]
        assert (last.provider, last.overridden) == (tuned, True)


async def test_before_the_store_was_read_nothing_tuned_is_stored_over_it(
    autojump_clock: MockClock,
) -> None:
    async with settings_rig(provider("a")) as rig:
        await rig.changes.tune("a", interval_seconds=60.0)
        assert overrides(rig) == []


async def test_a_reload_concerns_only_providers_that_changed(autojump_clock: MockClock) -> None:
    first = [provider(name, interval_seconds=300.0) for name in ("kept", "moved", "gone")]
    async with settings_rig(*first) as rig:
        await begin(rig)
        checked = len(rig.checked)
        rig.handled.clear()
        moved = attrs.evolve(first[1], base_url="http://127.0.0.1:9/v2")
        after = Config(providers=(first[0], moved, provider("new")))
        await rig.changes.reload(after, FallbackRanker())
        await trio.sleep(1.0)
        assert sorted(rig.added()) == ["moved", "new"]
        assert [each for each in rig.handled if isinstance(each, ProviderRemoved)] == [
            ProviderRemoved(name="gone")
        ]
        assert sorted(rig.checked[checked:]) == ["moved", "new"]
        assert rig.changes.supervisor.health().keys() == {"kept", "moved", "new"}


async def test_a_reload_of_thousands_never_holds_the_loop() -> None:
    """The mask of a thousand keys took half a second."""
    keys = [Secret(f"canary-{number:024x}") for number in range(1_000)]
    named = [provider(f"p{number}", interval_seconds=300.0) for number in range(4_000)]
    first = [
        attrs.evolve(each, options={"region": each.name}, keys=tuple(keys[n : n + 1]))
        for n, each in enumerate(named)
    ]
    after = [attrs.evolve(each, options=dict(each.options)) for each in first]
    after[7] = attrs.evolve(after[7], base_url="http://127.0.0.1:9/v2")
    async with settings_rig(*first) as rig:
        await rig.changes.watch_all()
        await wait_all_tasks_blocked()
        rig.handled.clear()
        with no_collector(), timed_turns() as timer:
            await rig.changes.reload(Config(providers=tuple(after)), FallbackRanker())
            await wait_all_tasks_blocked()
        assert rig.added() == ["p7"]
        assert set(rig.changes.aggregator.mask.secrets) == set(keys)
        assert fair_ms(timer.worst) <= MOST_MS


async def test_old_and_new_keys_are_masked_before_an_actor_has_the_new_ones(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = attrs.evolve(provider("a"), keys=(KEY,))
    after = attrs.evolve(before, keys=(NEW_KEY,))
    masked: list[str] = []
    async with settings_rig(before) as rig:
        aggregator = rig.changes.aggregator
        aggregator.mask = Mask((KEY,))
        await begin(rig)
        replace = Supervisor.replace

        async def note(supervisor: Supervisor, settings: Provider) -> None:
            masked.append(aggregator.masked(f"{KEY.reveal()} {NEW_KEY.reveal()}"))
            await replace(supervisor, settings)

        monkeypatch.setattr(Supervisor, "replace", note)
        await rig.changes.reload(Config(providers=(after,)), FallbackRanker())
        assert masked == ["*** ***"]


async def test_a_reload_applies_settings_shared_by_all_providers(autojump_clock: MockClock) -> None:
    async with settings_rig(provider("a")) as rig:
        await begin(rig)
        rank = FallbackRanker()
        config = Config(
            providers=(provider("a"),),
            retention_days=3.0,
            completions_per_day=7,
            model_aliases={"fast": ("groq/m",)},
        )
        await rig.changes.reload(config, rank)
        assert rig.writer.retention_days == 3.0
        assert rig.changes.supervisor.shared.budget.per_day == 7
        assert rig.changes.models.aliases == {"fast": ("groq/m",)}
        assert rig.changes.aggregator.rank is rank


async def test_a_change_waits_for_the_one_in_progress(autojump_clock: MockClock) -> None:
    async with (
        settings_rig(provider("a", interval_seconds=300.0)) as rig,
        trio.open_nursery() as nursery,
    ):
        async with rig.changes.alone():
            nursery.start_soon(lambda: rig.changes.tune("a", interval_seconds=60.0))
            await wait_all_tasks_blocked()
            assert rig.changes.settings.overrides == {}
        await wait_all_tasks_blocked()
        assert rig.changes.settings.overrides.keys() == {"a"}


@pytest.mark.parametrize("change", ["tune", "reload"])
async def test_a_stopping_tracker_accepts_no_change(mock_clock: MockClock, change: str) -> None:
    async with settings_rig(provider("a")) as rig:
        rig.changes.mailbox.stop.set()
        rig.changes.mailbox.outbox.close()
        with pytest.raises(StoppedError):
            if change == "tune":
                await rig.changes.tune("a", enabled=False)
            else:
                await rig.changes.reload(Config(), FallbackRanker())


async def test_an_impossible_change_changes_nothing(autojump_clock: MockClock) -> None:
    async with settings_rig(provider("a")) as rig:
        with pytest.raises(KeyError):
            await rig.changes.tune("nobody", enabled=False)
        with pytest.raises(ValueError, match="at least 10 s"):
            await rig.changes.tune("a", interval_seconds=0.5)
        await wait_all_tasks_blocked()
        assert (rig.handled, overrides(rig)) == ([], [])
