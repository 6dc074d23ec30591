"""Scenarios: faults that begin and end on a timeline, the same for the same seed."""

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import attrs
import trio
from attrs.validators import gt

from tracker.testing.provider_behavior import ProviderBehavior

DRIFT_SECONDS = 10.0  # between two steps of a provider's latency


class Playable(Protocol):
    """The target of a scenario: a SimulatedProvider, or any fake with both attributes."""

    latency_ms: float

    @property
    def mood(self) -> ProviderBehavior:
        """Return how it behaves from its next request on."""
        ...

    @mood.setter
    def mood(self, mood: ProviderBehavior) -> None: ...


@attrs.frozen(kw_only=True)
class FaultSchedule:
    """A mood that begins about every ``every_seconds`` and lasts about ``for_seconds`` (means)."""

    mood: ProviderBehavior
    every_seconds: float = attrs.field(validator=gt(0.0))
    for_seconds: float = attrs.field(validator=gt(0.0))


@attrs.frozen(kw_only=True)
class BehaviorProfile:
    """How one provider behaves: its usual latency, how far that drifts, and its faults.

    drift: the standard deviation of the latency's logarithm over a long time.
    """

    name: str
    latency_ms: float = attrs.field(default=100.0, validator=gt(0.0))
    drift: float = 0.2
    usual: ProviderBehavior = ProviderBehavior.OK
    troubles: tuple[FaultSchedule, ...] = ()


@attrs.frozen(kw_only=True)
class Step:
    """From ``at`` seconds after the start the provider has this mood and median latency."""

    at: float
    provider: str
    mood: ProviderBehavior
    latency_ms: float


@attrs.frozen(kw_only=True)
class Scenario:
    """``steps`` in order of time, the first of each provider at 0; it ends at ``seconds``."""

    steps: tuple[Step, ...]
    seconds: float


def write_script(
    characters: Iterable[BehaviorProfile], *, seed: int, seconds: float = 3600.0
) -> Scenario:
    """Write a scenario of that length. A provider's part does not depend on the other providers."""
    steps = [step for character in characters for step in _part(character, seed, seconds)]
    return Scenario(steps=tuple(sorted(steps, key=lambda step: step.at)), seconds=seconds)


async def play(
    script: Scenario,
    providers: Mapping[str, Playable],
    *,
    repeat: bool = False,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Play it on trio's time, once or forever; raises KeyError for an unknown provider."""
    began = trio.current_time()
    task_status.started()
    while True:
        for step in script.steps:
            await trio.sleep_until(began + step.at)
            provider = providers[step.provider]
            provider.latency_ms = step.latency_ms
            if provider.mood is not step.mood:
                provider.mood = step.mood
        began += script.seconds
        await trio.sleep_until(began)
        if not repeat:
            return


@attrs.frozen
class _Turn:
    """A fault begins or ends, or, without a mood, the latency drifts."""

    at: float
    begins: bool = False
    mood: ProviderBehavior | None = None


def _part(character: BehaviorProfile, seed: int, seconds: float) -> Iterator[Step]:
    # A text gives the same seed in every process, unlike hash().
    dice = random.Random(f"{seed}:{character.name}")  # noqa: S311 (repeatable)
    spells = [turn for trouble in character.troubles for turn in _spells(trouble, dice, seconds)]
    wander, ongoing = 0.0, list[ProviderBehavior]()
    for turn in sorted([*_grid(seconds), *spells], key=lambda turn: turn.at):
        if turn.mood is None:
            wander = _pull_back(wander, character.drift, dice)
        elif turn.begins:
            ongoing.append(turn.mood)
        else:
            ongoing.remove(turn.mood)
        yield Step(
            at=turn.at,
            provider=character.name,
            mood=ongoing[-1] if ongoing else character.usual,
            latency_ms=round(character.latency_ms * math.exp(wander), 3),
        )


def _grid(seconds: float) -> Iterator[_Turn]:
    return (_Turn(number * DRIFT_SECONDS) for number in range(math.ceil(seconds / DRIFT_SECONDS)))


def _spells(trouble: FaultSchedule, dice: random.Random, seconds: float) -> Iterator[_Turn]:
    """Yield its begins and ends alternately; the last end comes early, so that a script can
    repeat.
    """
    at = dice.expovariate(1.0 / trouble.every_seconds)
    while at < seconds:
        gone = at + dice.expovariate(1.0 / trouble.for_seconds)
        yield _Turn(at, True, trouble.mood)
        yield _Turn(min(gone, math.nextafter(seconds, 0.0)), False, trouble.mood)
        at = gone + dice.expovariate(1.0 / trouble.every_seconds)


def _pull_back(wander: float, drift: float, dice: random.Random) -> float:
    """Return one step of an Ornstein–Uhlenbeck walk with standard deviation ``drift``.

    It forgets a tenth at each step (G. E. Uhlenbeck and L. S. Ornstein, Phys. Rev. 36, 1930).
    """
    kept = 0.9
    return kept * wander + drift * math.sqrt(1.0 - kept * kept) * dice.gauss(0.0, 1.0)
