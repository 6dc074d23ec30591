"""Scripts: the same for a seed, in order, played on trio's time; and the demo's world."""

from typing import Any

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from tests.helpers.waiting import wait_until
from tracker.testing import (
    BehaviorProfile,
    FaultSchedule,
    ProviderBehavior,
    Scenario,
    open_demo,
    play,
    write_script,
)
from tracker.testing.demo import CAST
from tracker.testing.scenarios import DRIFT_SECONDS, Step

FLAKY = BehaviorProfile(
    name="flaky",
    troubles=(
        FaultSchedule(mood=ProviderBehavior.SERVER_ERROR, every_seconds=60.0, for_seconds=20.0),
        FaultSchedule(mood=ProviderBehavior.SERVER_ERROR, every_seconds=50.0, for_seconds=30.0),
        FaultSchedule(mood=ProviderBehavior.HANG, every_seconds=90.0, for_seconds=10.0),
    ),
)
CALM = BehaviorProfile(name="calm", latency_ms=200.0, drift=0.0)
seeds = st.integers(0, 2**32)


@attrs.define
class Fake:
    """Keeps each mood with the time it came."""

    latency_ms: float = 0.0
    seen: list[Any] = attrs.field(factory=list)

    @property
    def mood(self) -> Any:
        return self.seen[-1][1] if self.seen else ProviderBehavior.OK

    @mood.setter
    def mood(self, mood: Any) -> None:
        self.seen.append((trio.current_time(), mood))


@given(seed=seeds)
def test_a_seed_always_gives_the_same_script(seed: int) -> None:
    assert write_script([FLAKY, CALM], seed=seed) == write_script([FLAKY, CALM], seed=seed)


def test_another_seed_gives_another_script() -> None:
    assert write_script([FLAKY], seed=1) != write_script([FLAKY], seed=2)


@given(seed=seeds)
def test_a_providers_part_does_not_depend_on_the_others(seed: int) -> None:
    alone, together = write_script([FLAKY], seed=seed), write_script([CALM, FLAKY], seed=seed)
    assert alone.steps == tuple(step for step in together.steps if step.provider == "flaky")


@given(seed=seeds, seconds=st.floats(0.5, 2000.0))
def test_steps_are_in_order_and_within_the_script(seed: int, seconds: float) -> None:
    script = write_script([FLAKY, CALM], seed=seed, seconds=seconds)
    times = [step.at for step in script.steps]
    assert times == sorted(times)
    assert times[0] == 0.0
    assert times[-1] < seconds


@given(seed=seeds)
def test_every_fault_is_over_at_the_end(seed: int) -> None:
    assert write_script([FLAKY], seed=seed, seconds=500.0).steps[-1].mood is ProviderBehavior.OK


def test_a_calm_provider_only_keeps_its_latency() -> None:
    steps = write_script([CALM], seed=0, seconds=3 * DRIFT_SECONDS).steps
    assert steps == tuple(
        Step(at=at, provider="calm", mood=ProviderBehavior.OK, latency_ms=200.0)
        for at in (0.0, 10.0, 20.0)
    )


def test_latency_drifts_about_its_usual_value() -> None:
    script = write_script(
        [BehaviorProfile(name="x", latency_ms=100.0, drift=0.3)], seed=5, seconds=1e5
    )
    latencies = sorted(step.latency_ms for step in script.steps)
    assert latencies[len(latencies) // 2] == pytest.approx(100.0, rel=0.1)
    assert latencies[int(0.841 * len(latencies))] == pytest.approx(100.0 * 1.3499, rel=0.1)


def test_faults_take_their_share_of_the_time() -> None:
    half = FaultSchedule(mood=ProviderBehavior.HANG, every_seconds=30.0, for_seconds=30.0)
    steps = write_script([BehaviorProfile(name="x", troubles=(half,))], seed=1, seconds=1e5).steps
    ends = [step.at for step in steps[1:]] + [1e5]
    hung = sum(
        end - s.at for s, end in zip(steps, ends, strict=True) if s.mood is ProviderBehavior.HANG
    )
    assert hung / 1e5 == pytest.approx(0.5, abs=0.05)


async def test_plays_each_step_at_its_time(autojump_clock: MockClock) -> None:
    steps = (
        Step(at=0.0, provider="x", mood=ProviderBehavior.OK, latency_ms=10.0),
        Step(at=5.0, provider="x", mood=ProviderBehavior.HANG, latency_ms=20.0),
        Step(at=7.5, provider="x", mood=ProviderBehavior.OK, latency_ms=30.0),
    )
    began, fake = trio.current_time(), Fake()
    await play(Scenario(steps=steps, seconds=10.0), {"x": fake})
    assert [(at - began, mood) for at, mood in fake.seen] == [
        (5.0, ProviderBehavior.HANG),
        (7.5, ProviderBehavior.OK),
    ]
    assert (fake.latency_ms, trio.current_time() - began) == (30.0, 10.0)


async def test_repeats_without_drift_of_time(autojump_clock: MockClock) -> None:
    steps = (
        Step(at=1.0, provider="x", mood=ProviderBehavior.HANG, latency_ms=1.0),
        Step(at=2.0, provider="x", mood=ProviderBehavior.OK, latency_ms=1.0),
    )
    began, fake = trio.current_time(), Fake()
    with trio.move_on_after(25):
        await play(Scenario(steps=steps, seconds=10.0), {"x": fake}, repeat=True)
    assert [at - began for at, _ in fake.seen] == [1.0, 2.0, 11.0, 12.0, 21.0, 22.0]


async def test_a_script_for_an_unknown_provider_is_an_error(autojump_clock: MockClock) -> None:
    with pytest.raises(KeyError, match="calm"):
        await play(write_script([CALM], seed=0, seconds=1.0), {})


async def test_the_demo_is_eight_providers_ready_to_watch() -> None:
    async with open_demo(seed=7) as world:
        assert [p.name for p in world.providers] == [c.name for c in CAST]
        assert len({p.base_url for p in world.providers}) == len(world.simulated) == 8
        assert all(p.timing.timeout_seconds == 2.0 for p in world.providers)
        assert world.simulated["dead"].mood is ProviderBehavior.REFUSE
        assert world.script == write_script(CAST, seed=7)
        assert "demo-key" not in repr(world)


async def test_the_demos_script_plays() -> None:
    async with open_demo(seed=7) as world:
        await wait_until(lambda: world.simulated["slow-but-solid"].latency_ms != 420.0)
        first = next(step for step in world.script.steps if step.provider == "slow-but-solid")
        assert world.simulated["slow-but-solid"].latency_ms == first.latency_ms
