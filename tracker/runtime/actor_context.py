"""What all actors of a tracker share."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

import attrs

from tracker.core.clock import Clock
from tracker.core.request_shape import RequestShape
from tracker.core.settings import Config, Provider
from tracker.core.shared_wakes import SharedWakes
from tracker.probes.check import Check
from tracker.runtime.completion_budget import CompletionBudget
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.messages import ActorMessage
from tracker.runtime.start_limiter import StartLimiter

OpenCheck = Callable[[Provider], AbstractAsyncContextManager[Check]]


def never(_: str, __: str | None) -> bool:
    """Skip no check."""
    return False


def ours(_: str, __: str | None, ___: float) -> float:
    """Return 0: every check is ours where there is no other tracker."""
    return 0.0


def uncollected(_: ActorMessage) -> bool:
    """Collect nothing: every message is sent at once."""
    return False


@attrs.define
class ActorContext:
    """What all actors of a tracker share.

    schedule: False makes checks only on request. skip_check: whether real calls allow the next
    scheduled check of a provider, or of one of its models, to be skipped. gate: seconds for which
    another tracker's checks are enough, given the interval; 0 when this tracker must check.
    collect: takes a message without waking the aggregator; False where it has to be sent.
    learned: by provider, how its models must be asked.
    """

    open_check: OpenCheck
    clock: Clock = attrs.field(factory=Clock)
    canary: LoopMonitor = attrs.field(factory=LoopMonitor)
    pacer: StartLimiter = attrs.field(factory=StartLimiter)
    wakes: SharedWakes = attrs.field(factory=SharedWakes)
    budget: CompletionBudget = attrs.field(
        factory=lambda: CompletionBudget(Config().completions_per_day)
    )
    schedule: bool = True
    learned: dict[str, Mapping[str, RequestShape]] = attrs.field(factory=dict)
    skip_check: Callable[[str, str | None], bool] = never
    gate: Callable[[str, str | None, float], float] = ours
    collect: Callable[[ActorMessage], bool] = uncollected
