"""The demo of ``provider-status demo``: eight simulated providers, each with its own faults."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import attrs

from tracker.core.redaction import Secret
from tracker.core.settings import Provider, Timing
from tracker.testing.provider_behavior import ProviderBehavior
from tracker.testing.quota import Quota, Window
from tracker.testing.scenarios import BehaviorProfile, FaultSchedule, Scenario, play, write_script
from tracker.testing.simulated import SimulatedProvider, simulated_provider
from tracker.testing.toggleable_listener import in_background

KEY = Secret("demo-key")
TIMING = Timing(
    interval_seconds=5.0,
    timeout_seconds=2.0,
    recheck_seconds=(1.0, 2.0, 3.0),
    degraded_latency_ms=800.0,
)
CAST = (
    BehaviorProfile(
        name="swift-but-flaky",
        latency_ms=60.0,
        troubles=(
            FaultSchedule(mood=ProviderBehavior.SERVER_ERROR, every_seconds=40.0, for_seconds=5.0),
            FaultSchedule(mood=ProviderBehavior.GARBAGE, every_seconds=180.0, for_seconds=6.0),
        ),
    ),
    BehaviorProfile(name="slow-but-solid", latency_ms=420.0, drift=0.1),
    BehaviorProfile(name="all-rounder", latency_ms=150.0, drift=0.3),
    BehaviorProfile(name="small-quota", latency_ms=110.0),
    BehaviorProfile(
        name="crowded-at-times",
        latency_ms=200.0,
        drift=0.4,
        troubles=(
            FaultSchedule(mood=ProviderBehavior.SLOW, every_seconds=60.0, for_seconds=25.0),
            FaultSchedule(mood=ProviderBehavior.OVERLOADED, every_seconds=120.0, for_seconds=15.0),
            FaultSchedule(
                mood=ProviderBehavior.RATE_LIMITED, every_seconds=150.0, for_seconds=12.0
            ),
        ),
    ),
    BehaviorProfile(
        name="has-outages",
        latency_ms=90.0,
        troubles=(
            FaultSchedule(mood=ProviderBehavior.REFUSE, every_seconds=90.0, for_seconds=30.0),
            FaultSchedule(mood=ProviderBehavior.HANG, every_seconds=150.0, for_seconds=20.0),
            FaultSchedule(mood=ProviderBehavior.BLOCKED, every_seconds=300.0, for_seconds=15.0),
        ),
    ),
    BehaviorProfile(name="key-refused", latency_ms=80.0, usual=ProviderBehavior.AUTH),
    BehaviorProfile(name="dead", latency_ms=50.0, usual=ProviderBehavior.REFUSE),
)


@attrs.frozen(kw_only=True)
class Demo:
    """``providers``: their configuration; ``simulated``: the simulated providers by name."""

    providers: tuple[Provider, ...]
    simulated: Mapping[str, SimulatedProvider]
    script: Scenario


@asynccontextmanager
async def open_demo(seed: int = 0) -> AsyncIterator[Demo]:
    """Run the demo while the block runs; its script of one hour repeats."""
    script = write_script(CAST, seed=seed)
    async with AsyncExitStack() as stack:
        simulated = {
            character.name: await stack.enter_async_context(
                simulated_provider(
                    character.name,
                    mood=character.usual,
                    key=KEY.reveal(),
                    latency_ms=character.latency_ms,
                    seed=seed,
                    quota=_quota(character.name),
                    slow_ms=1200.0,  # over degraded_latency_ms, within timeout_seconds
                    retry_after=10.0,
                )
            )
            for character in CAST
        }
        providers = tuple(_watch(provider) for provider in simulated.values())
        await stack.enter_async_context(
            in_background(partial(play, repeat=True), script, simulated)
        )
        yield Demo(providers=providers, simulated=simulated, script=script)


def _watch(provider: SimulatedProvider) -> Provider:
    return Provider(
        name=provider.name,
        base_url=provider.base_url,
        keys=(KEY,),
        key_names=("DEMO_KEY",),
        list_public=False,
        timing=TIMING,
    )


def _quota(name: str) -> Quota | None:
    """Make a quota: two providers state limits; the smaller is spent in about a minute."""
    if name == "small-quota":
        return Quota(requests=Window(12, 90.0))
    return Quota() if name == "all-rounder" else None
