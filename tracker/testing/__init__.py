"""The test kit: simulated providers, broken servers, scripted faults, virtual time.

Everything here is public; the modules ``broken_servers``, ``bad_tls`` and ``bad_dns`` hold one
fault each. Names are loaded on first use, so that a part needs only its own dependencies (trustme
only for certificates).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.testing.clocks import VirtualClock as VirtualClock
    from tracker.testing.clocks import virtual_clock as virtual_clock
    from tracker.testing.database_file import DatabaseFile as DatabaseFile
    from tracker.testing.demo import Demo as Demo
    from tracker.testing.demo import open_demo as open_demo
    from tracker.testing.fake_checks import FakeCheck as FakeCheck
    from tracker.testing.fake_checks import FakeProviders as FakeProviders
    from tracker.testing.faults import FaultProxy as FaultProxy
    from tracker.testing.faults import fault_proxy as fault_proxy
    from tracker.testing.machine import TrackerMachine as TrackerMachine
    from tracker.testing.machine_runner import run_machine as run_machine
    from tracker.testing.oracle import Oracle as Oracle
    from tracker.testing.policy_kit import PolicyProperty as PolicyProperty
    from tracker.testing.policy_kit import PropertyViolation as PropertyViolation
    from tracker.testing.policy_kit import check_policy as check_policy
    from tracker.testing.provider_behavior import ProviderBehavior as ProviderBehavior
    from tracker.testing.quota import Quota as Quota
    from tracker.testing.quota import Window as Window
    from tracker.testing.scenarios import BehaviorProfile as BehaviorProfile
    from tracker.testing.scenarios import FaultSchedule as FaultSchedule
    from tracker.testing.scenarios import Scenario as Scenario
    from tracker.testing.scenarios import play as play
    from tracker.testing.scenarios import write_script as write_script
    from tracker.testing.simulated import SimulatedProvider as SimulatedProvider
    from tracker.testing.simulated import simulated_provider as simulated_provider
    from tracker.testing.toxics import Bandwidth as Bandwidth
    from tracker.testing.toxics import Direction as Direction
    from tracker.testing.toxics import Latency as Latency
    from tracker.testing.toxics import LimitData as LimitData
    from tracker.testing.toxics import ResetPeer as ResetPeer
    from tracker.testing.toxics import Slicer as Slicer
    from tracker.testing.toxics import SlowClose as SlowClose
    from tracker.testing.toxics import Timeout as Timeout
    from tracker.testing.tracker_harness import TrackerHarness as TrackerHarness
    from tracker.testing.trio_host import TrioHost as TrioHost
    from tracker.testing.trio_host import advance as advance
    from tracker.testing.trio_host import settle as settle

_NAMES = {
    "clocks": ("VirtualClock", "virtual_clock"),
    "demo": ("Demo", "open_demo"),
    "database_file": ("DatabaseFile",),
    "faults": ("FaultProxy", "fault_proxy"),
    "machine": ("TrackerMachine",),
    "provider_behavior": ("ProviderBehavior",),
    "fake_checks": ("FakeCheck", "FakeProviders"),
    "oracle": ("Oracle",),
    "policy_kit": ("PolicyProperty", "PropertyViolation", "check_policy"),
    "quota": ("Quota", "Window"),
    "machine_runner": ("run_machine",),
    "scenarios": ("BehaviorProfile", "FaultSchedule", "Scenario", "play", "write_script"),
    "simulated": ("SimulatedProvider", "simulated_provider"),
    "toxics": (
        "Bandwidth",
        "Direction",
        "Latency",
        "LimitData",
        "ResetPeer",
        "Slicer",
        "SlowClose",
        "Timeout",
    ),
    "trio_host": ("TrioHost", "advance", "settle"),
    "tracker_harness": ("TrackerHarness",),
}
_HOMES = {name: f"{__name__}.{home}" for home, names in _NAMES.items() for name in names}
__all__ = sorted(_HOMES)  # noqa: PLE0605 (a list, made from the table)


def __getattr__(name: str) -> Any:
    if home := _HOMES.get(name):
        return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
