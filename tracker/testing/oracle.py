"""What a correct tracker concludes, written from CONTRACT 4 in the simplest way.

It keeps every check in lists and computes everything again at each call. It shares no code with the
tracker that it judges.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil

import attrs

from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.settings import Timing

SUCCESSES = {OutcomeKind.OK, OutcomeKind.SLOW}
LIMITS = {OutcomeKind.RATE_LIMITED, OutcomeKind.QUOTA_EXHAUSTED}
OURS = {OutcomeKind.REQUEST, OutcomeKind.INTERNAL}
# As in the statistics: a check from further ahead comes from a clock that jumped.
AHEAD = 60.0
# If a check of one model finds one of these, it concerns the provider.
PROVIDERS_OWN = {OutcomeKind.DNS, OutcomeKind.CONNECT, OutcomeKind.TLS, OutcomeKind.AUTH}
# Failures that say nothing about other models.
MODELS_OWN = {OutcomeKind.NOT_FOUND, OutcomeKind.OVERLOADED}
HOURS = {"hour": 1, "day": 24, "week": 168}  # the windows of uptime
# The error of a time that was converted to wall time and back.
BLUR_SECONDS = 0.002


@attrs.frozen(kw_only=True)
class ObservedCheck:
    """One finished check, as the provider saw it.

    ended: steady seconds, ended_at: the same by the wall clock; reset_in: seconds from then until
    the limit that was hit resets, or until the time that a failing provider asked us to wait; None
    if not stated.
    """

    at: datetime
    ended: float
    ended_at: datetime
    kind: OutcomeKind
    latency_ms: float | None = None
    reset_in: float | None = None
    completions: int = 0
    of_offers: bool = False  # failures of two of its offers, which count against the provider

    @property
    def reset(self) -> float | None:
        """Return the steady time at which its limit ends, None if none was stated."""
        return None if self.reset_in is None else self.ended + self.reset_in


@attrs.frozen(kw_only=True)
class OracleInputs:
    """What decides a provider's status besides its checks. ``now``: steady; ``at``: the wall."""

    now: float
    at: datetime
    enabled: bool = True
    given_up: bool = False
    stale: bool = False


@attrs.define(eq=False)
class Oracle:
    """One provider, or one offer. life: the checks it is judged by; checks: those stored.

    The two differ after a restart: the status continues, while rows may have been lost with a
    deleted file. They also differ if failures of two offers count against a provider.
    """

    timing: Timing
    life: list[ObservedCheck] = attrs.field(factory=list)
    checks: list[ObservedCheck] = attrs.field(factory=list)
    offers: dict[str, "Oracle"] = attrs.field(factory=dict)  # of a provider: one per model

    @property
    def is_proven(self) -> bool:
        """Return whether any check says something about it."""
        return bool(counted(self.life))

    def saw(self, check: ObservedCheck) -> None:
        """Record one more check of the provider."""
        self.life.append(check)
        self.checks.append(check)

    def status(self, present: OracleInputs) -> Status:
        """Return the status that it must have now."""
        if not present.enabled or present.given_up or present.stale or not counted(self.life):
            return Status.UNKNOWN
        if is_uninformed(self.life, self.timing):
            return Status.UNKNOWN
        if is_down(self.life, self.timing):
            return Status.DOWN
        doubtful = (
            counted(self.life)[-1].kind not in SUCCESSES
            or is_slow(self.life)
            or is_recovering(self.life, self.timing)
        )
        return Status.DEGRADED if doubtful else Status.HEALTHY

    def usable(self, present: OracleInputs) -> bool:
        """Return whether it must be usable now."""
        good = self.status(present) in {Status.HEALTHY, Status.DEGRADED}
        return good and not is_barred(self.life, present.now)

    def blurred(self, present: OracleInputs) -> bool:
        """Return whether a reset is so near that either answer is right."""
        resets = [check.reset for check in self.life if check.reset is not None]
        return any(abs(reset - present.now) < BLUR_SECONDS for reset in resets)

    def uptime(self, present: OracleInputs) -> dict[str, float | None]:
        """Return the uptime in percent, by window; None if nothing was counted."""
        return {name: uptime(within(self.checks, present.at, h)) for name, h in HOURS.items()}

    def checks_24h(self, present: OracleInputs) -> int:
        """Return how many checks the last 24 hours have."""
        return len(within(self.checks, present.at, 24))

    def p95(self, present: OracleInputs) -> float | None:
        """Return the exact 95th percentile of latency in ms; None without a sample."""
        return p95(within(self.checks, present.at, 24))

    @property
    def failures(self) -> int:
        """Return how many checks in a row have failed."""
        run = letters(self.life)
        return len(run) - len(run.rstrip("F"))

    @property
    def outcome(self) -> OutcomeKind | None:
        """Return what the last check found."""
        return self.life[-1].kind if self.life else None

    @property
    def last_check(self) -> datetime | None:
        """Return when the last check began."""
        return self.life[-1].at if self.life else None

    @property
    def response_time_ms(self) -> float | None:
        """Return the latency of the last good check."""
        known = [
            c.latency_ms for c in self.life if c.kind in SUCCESSES and c.latency_ms is not None
        ]
        return known[-1] if known else None


def is_held_against_provider(
    check: ObservedCheck, others: Iterable[Sequence[ObservedCheck]], window: float
) -> bool:
    """Return whether an offer's failure counts for its provider: another one failed too.

    others: the checks of the other watched offers.
    """
    if not is_failure(check) or check.kind in MODELS_OWN:
        return False
    ends = (last_failure(life) for life in others)
    return any(end is not None and check.ended - end <= window for end in ends)


def last_failure(life: Sequence[ObservedCheck]) -> float | None:
    """Return when it last failed in a way that may be its provider's fault.

    None if it has succeeded since.
    """
    failures = [c for c in since_success(life) if is_failure(c) and c.kind not in MODELS_OWN]
    return failures[-1].ended if failures else None


def remembered(life: Sequence[ObservedCheck], now: float, at: datetime) -> list[ObservedCheck]:
    """Return the checks as a new process knows them.

    Only the wall clock says how long ago the last one was.
    """
    if not life:
        return []
    last = life[-1]
    later = now - (at - last.ended_at).total_seconds() - last.ended
    return [attrs.evolve(check, ended=check.ended + later) for check in life]


def counted(checks: Sequence[ObservedCheck]) -> list[ObservedCheck]:
    """Return the checks that say something about the provider."""
    return [check for check in checks if check.kind not in OURS]


def is_failure(check: ObservedCheck) -> bool:
    """Return whether the provider failed: no success, no limit, no fault of ours."""
    return check.kind not in SUCCESSES | LIMITS | OURS


def since_success(checks: Sequence[ObservedCheck]) -> list[ObservedCheck]:
    """Return the checks after the last success, or all if there was none."""
    places = [place for place, check in enumerate(checks) if check.kind in SUCCESSES]
    return list(checks[places[-1] + 1 :] if places else checks)


def letters(checks: Sequence[ObservedCheck]) -> str:
    """Return S for a success, F for a failure, in order; the others change nothing."""
    return "".join("S" if c.kind in SUCCESSES else "F" for c in checks if counts(c))


def counts(check: ObservedCheck) -> bool:
    """Return whether a check counts for the uptime."""
    return check.kind in SUCCESSES or is_failure(check)


def is_uninformed(checks: Sequence[ObservedCheck], timing: Timing) -> bool:
    """Return whether as many checks as make a provider down have said nothing about it."""
    last = checks[-timing.failures_to_down :]
    return len(last) == timing.failures_to_down and not counted(last)


def is_down(checks: Sequence[ObservedCheck], timing: Timing) -> bool:
    """Return whether the last checks failed as often as makes a provider down."""
    return letters(checks).endswith("F" * timing.failures_to_down)


def is_recovering(checks: Sequence[ObservedCheck], timing: Timing) -> bool:
    """Return whether it was down and has not had enough good checks in a row since."""
    _, was_down, since = letters(checks).rpartition("F" * timing.failures_to_down)
    return bool(was_down) and "S" * timing.successes_to_recover not in since


def is_slow(checks: Sequence[ObservedCheck]) -> bool:
    """Return whether two of the last three successes were slow; with fewer, the last."""
    slow = [check.kind is OutcomeKind.SLOW for check in checks if check.kind in SUCCESSES]
    if len(slow) < 3:
        return slow[-1:] == [True]
    return slow[-3:].count(True) >= 2


def is_barred(checks: Sequence[ObservedCheck], now: float) -> bool:
    """Return whether it is refused, or limited until a reset to come; a success ends a limit."""
    last = counted(checks)[-1]
    if last.kind is OutcomeKind.AUTH:
        return True
    if is_failure(last) and last.reset is not None and now < last.reset:
        return True  # the provider asked us to wait
    limits = [check for check in since_success(checks) if check.kind in LIMITS]
    if not limits:
        return False
    reset = limits[-1].reset
    return reset is None or now < reset  # no reset stated: until a success


def within(checks: Sequence[ObservedCheck], now: datetime, hours: float) -> list[ObservedCheck]:
    """Return the checks in the window, without those dated into the future by a clock that
    jumped.
    """
    ahead = now + timedelta(seconds=AHEAD)
    return [check for check in checks if now - timedelta(hours=hours) < check.at <= ahead]


def uptime(checks: Sequence[ObservedCheck]) -> float | None:
    """Return the successes of the counted checks, 0..100, None without any."""
    up = sum(check.kind in SUCCESSES for check in checks)
    down = sum(map(is_failure, checks))
    return 100.0 * up / (up + down) if up + down else None


def p95(checks: Sequence[ObservedCheck]) -> float | None:
    """Return the p95 by nearest rank, of the successful."""
    known = sorted(c.latency_ms for c in checks if c.kind in SUCCESSES and c.latency_ms is not None)
    return known[ceil(0.95 * len(known)) - 1] if known else None


def best_is_right(best: str | None, usable: dict[str, Status]) -> bool:
    """Return whether the best one satisfies the contract: usable, and healthy if any is."""
    if best is None or best not in usable:
        return best is None and not usable
    return usable[best] is Status.HEALTHY or Status.HEALTHY not in usable.values()
