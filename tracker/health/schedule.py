"""When a provider is checked next: pure arithmetic on steady seconds."""

import math
from functools import lru_cache
from hashlib import blake2b

import attrs

from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Timing

# For a 429 that does not say when to retry: the limits hit first are mostly per minute.
UNTOLD_RESET_SECONDS = 60.0


@attrs.frozen(kw_only=True)
class Grid:
    """A provider's own ticks: every ``interval`` seconds, each moved by up to ±``jitter`` of it.

    Phase and jitter follow from the name alone, so that providers spread evenly and a restart
    does not shuffle them. The first tick is half to one and a half intervals after ``anchor``,
    when the provider was checked first.
    """

    name: str
    anchor: float
    interval: float
    jitter: float

    def tick(self, number: int) -> float:
        """Return the steady time of a tick; phase and jitter depend on name and number alone."""
        phase = _phase(self.name)
        sway = self.jitter * (2.0 * _share(f"{self.name}#{number}") - 1.0)
        return self.anchor + (number + 0.5 + phase + sway) * self.interval

    def after(self, now: float) -> float:
        """Return the next tick later than ``now``; ticks that were missed meanwhile are skipped."""
        # Every tick before this one is past, however late its jitter makes it.
        behind = 0.5 + _phase(self.name) + self.jitter
        number = max(math.floor((now - self.anchor) / self.interval - behind), 0)
        while (tick := self.tick(number)) <= now:
            number += 1
        return tick


def _share(text: str) -> float:
    """Return a number in [0, 1) that always belongs to this text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) / 2**64


@lru_cache(maxsize=20_000)
def _phase(name: str) -> float:
    """Return a target's own part of the interval, in [0, 1), which is asked for at each check."""
    return _share(name)


@attrs.frozen(kw_only=True)
class Streak:
    """How many checks since the last good one asked for an early re-check.

    Failures and limits are counted apart, as each has its own delays. One does not restart the
    other: a provider that alternates between both would get too many checks.
    """

    failures: int = 0
    limits: int = 0
    length: int = 0  # consecutive checks of the same kind as the last

    def after(self, kind: OutcomeKind) -> "Streak":
        """Return the streak once this outcome is added; a success or a refused request ends it."""
        if kind.is_success or kind is OutcomeKind.REQUEST:
            return Streak()
        if kind.is_limit:
            return attrs.evolve(self, limits=self.limits + 1, length=self.limits + 1)
        return attrs.evolve(self, failures=self.failures + 1, length=self.failures + 1)


def next_due(
    finding: CheckResult,
    *,
    streak: Streak,
    ended: float,
    blocked_for: float | None,
    grid: Grid,
    timing: Timing,
) -> float:
    """Return steady seconds of the next check, after one that ended at ``ended``.

    streak: including this check. blocked_for: seconds until the limit that was hit resets.
    """
    tick = grid.after(ended)
    early = ended + recheck_delay(timing, streak.length)
    kind = finding.kind
    if kind.is_limit:
        return _after_limit(finding, tick, early, ended, blocked_for)
    if (kind.is_failure and kind is not OutcomeKind.AUTH) or kind is OutcomeKind.INTERNAL:
        due = early if streak.length <= len(timing.recheck_seconds) else tick
        return due if finding.retry_after is None else max(due, ended + finding.retry_after)
    if (
        blocked_for is not None
    ):  # it answered, and said that this was the last request allowed for now
        return min(tick, ended + max(blocked_for, recheck_delay(timing, 1)))
    return tick


def _after_limit(
    finding: CheckResult, tick: float, early: float, ended: float, blocked_for: float | None
) -> float:
    """Return the time after a limit.

    ``early`` bounds a provider that always says "retry at once".
    """
    if finding.retry_after is not None:
        return max(ended + finding.retry_after, early)
    if blocked_for is not None:
        return min(tick, max(ended + blocked_for, early))
    if finding.kind is OutcomeKind.RATE_LIMITED:
        return min(tick, max(ended + UNTOLD_RESET_SECONDS, early))
    return tick


def recheck_delay(timing: Timing, streak: int) -> float:
    """Return seconds to the early re-check after the ``streak``-th bad check in a row."""
    if not timing.recheck_seconds or streak < 1 or streak > len(timing.recheck_seconds):
        return timing.interval_seconds
    return min(timing.recheck_seconds[streak - 1], timing.interval_seconds)
