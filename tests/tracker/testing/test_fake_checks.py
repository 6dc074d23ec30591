"""Checks without a network: what each mood answers, and what is counted."""

import subprocess
import sys
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tracker.core.outcomes import Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.testing import FakeCheck, FakeProviders, ProviderBehavior, simulated_provider
from tracker.testing.fake_checks import finding_of


@pytest.mark.parametrize(
    "mood", [mood for mood in ProviderBehavior if mood is not ProviderBehavior.HANG]
)
async def test_a_real_check_of_a_simulated_provider_finds_the_same(mood: Any) -> None:
    async with simulated_provider(key="k", mood=mood, latency_ms=1.0, slow_ms=2.0) as simulated:
        provider = Provider(
            name="x", base_url=simulated.base_url, keys=(Secret("k"),), list_public=False
        )
        async with open_check(provider) as check:
            real = await check()
    fake = finding_of(mood, latency_ms=100.0)
    assert (real.kind, real.facts) == (fake.kind, fake.facts)
    assert (real.retry_after is not None) == (mood is ProviderBehavior.RATE_LIMITED)


async def test_answers_after_its_latency(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    finding = await FakeCheck(latency_ms=250.0)()
    assert (finding.kind, finding.latency_ms) == (OutcomeKind.OK, 250.0)
    assert trio.current_time() - began == pytest.approx(0.25)


async def test_slow_is_ok_with_a_long_latency_because_the_actor_judges_it(
    autojump_clock: MockClock,
) -> None:
    finding = await FakeCheck(mood=ProviderBehavior.SLOW, slow_ms=1200.0)()
    assert (finding.kind, finding.latency_ms) == (OutcomeKind.OK, 1200.0)


async def test_hangs_until_cancelled(autojump_clock: MockClock) -> None:
    check = FakeCheck(mood=ProviderBehavior.HANG)
    with trio.move_on_after(10) as scope:
        await check()
    assert scope.cancelled_caught
    assert (check.begun, check.ended) == (1, 1)


async def test_a_rate_limit_has_a_reset_and_no_quota(
    autojump_clock: MockClock,
) -> None:
    finding = await FakeCheck(mood=ProviderBehavior.RATE_LIMITED, retry_after=7.0)()
    assert (finding.retry_after, finding.latency_ms) == (7.0, 100.0)
    assert finding.facts == Facts(reachable=True, quota_available=False)


async def test_a_planned_crash_happens_once(autojump_clock: MockClock) -> None:
    check = FakeCheck(crash=ZeroDivisionError("planted"))
    with pytest.raises(ZeroDivisionError, match="planted"):
        await check()
    assert (await check()).kind is OutcomeKind.OK


async def test_counts_checks_that_overlap(autojump_clock: MockClock) -> None:
    check = FakeCheck()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(check)
        nursery.start_soon(check)
    await check()
    assert (check.begun, check.overlapped) == (3, 1)


async def test_fake_providers_give_each_provider_its_own_check() -> None:
    world = FakeProviders()
    world["a"].mood = ProviderBehavior.AUTH
    async with world.open_check(Provider(name="a")) as a, world.open_check(Provider(name="b")) as b:
        assert (a, b) == (world["a"], world["b"])
        assert (a.mood, b.mood) == (ProviderBehavior.AUTH, ProviderBehavior.OK)


def test_the_kit_needs_no_tool_of_its_developers() -> None:
    code = """
import sys
sys.modules.update(dict.fromkeys(("hypothesis", "trustme", "pytest")))
from tracker.testing import FakeProviders, TrioHost, fault_proxy, open_demo, virtual_clock
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
