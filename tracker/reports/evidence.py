"""What reported calls mean for a provider's health (contract, section 4). Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import sqrt

import attrs

from tracker.core.outcomes import OutcomeKind
from tracker.health.status_rules import PLAIN_WORDS
from tracker.reports.call import Call
from tracker.reports.windows import CallCount, Tally, WindowKey

Target = str | None  # what a check or a call is about: an offer, or None: the provider itself

LEAST_CALLS = 20  # in a minute, for it to count like a check
FAILED_SHARE = 0.5  # the lower bound must exceed this: more calls fail than succeed
Z = 1.959964  # 95 %, two-sided: the usual Wilson interval
REPORTER_FAILURES = 3  # a reporter needs so many to agree: as failed checks for down
LEAST_SUCCESSES = 5  # since the last check, for the next to be skipped
MOST_SKIPPED = 3  # consecutive checks: a quarter is always made


def wilson_lower(failures: int, calls: int) -> float:
    """Return the lower 95 % bound of the share of failures (E. B. Wilson, JASA 22, 1927)."""
    if not calls:
        return 0.0
    share, z2 = failures / calls, Z * Z
    centre = share + z2 / (2.0 * calls)
    margin = Z * sqrt((share * (1.0 - share) + z2 / (4.0 * calls)) / calls)
    return max((centre - margin) / (1.0 + z2 / calls), 0.0)


def is_failing(failures: int, calls: int) -> bool:
    """Return whether a minute of these counted calls says as much as one failed check."""
    return calls >= LEAST_CALLS and wilson_lower(failures, calls) > FAILED_SHARE


@attrs.frozen(kw_only=True)
class FailedMinute:
    """A minute that counts as one failed check.

    models: the offers that failed. agreed: two offers or two reporters say so, so it counts for the
    provider. lone_reporter: the only one to say so, without any check.
    """

    models: tuple[str, ...]
    agreed: bool
    lone_reporter: bool
    kind: OutcomeKind
    message: str

    def targets(self, offers: frozenset[str]) -> frozenset[Target]:
        """Return what it counts against: the watched offers that failed; the provider where that
        is agreed, and where what failed is no offer that is judged by itself.
        """
        watched = offers.intersection(self.models)
        alone = not self.agreed and self.models and watched.issuperset(self.models)
        return watched if alone else watched | {None}


def judge_minute(
    windows: Mapping[WindowKey, CallCount], distrusted: frozenset[str] = frozenset()
) -> FailedMinute | None:
    """Judge one minute of one provider; None while it does not count as a failed check."""
    whole, models, reporters = (
        Tally(),
        defaultdict[str, Tally](Tally),
        defaultdict[str, Tally](Tally),
    )
    for key, count in windows.items():
        if key.reporter in distrusted:
            continue
        for tally in (whole, models[key.model], reporters[key.reporter]):
            tally.add(key.outcome, count.calls)
    failing = tuple(sorted(m for m, t in models.items() if is_failing(t.failures, t.calls)))
    if not failing and not is_failing(whole.failures, whole.calls):
        return None
    accusers = sum(_accuses(tally) for tally in reporters.values())
    kind = max(whole.kinds, key=lambda k: (whole.kinds[k], k.value))
    return FailedMinute(
        models=failing,
        agreed=len(failing) > 1 or accusers > 1,
        lone_reporter=accusers < 2,
        kind=kind,
        message=tell_failures(whole.failures, whole.calls, kind),
    )


def _accuses(tally: Tally) -> bool:
    return tally.failures >= REPORTER_FAILURES and tally.failures > FAILED_SHARE * tally.calls


def tell_failures(failures: int, calls: int, kind: OutcomeKind) -> str:
    """Return the sentence that a status gives as its reason."""
    return f"{failures} of {calls} calls failed in the last minute ({PLAIN_WORDS[kind]})"


@attrs.define
class SinceCheck:
    """Counted calls since the last check began, and how many checks were skipped because of them.

    at: when that check began, in seconds since 1970; minus infinity before the first.
    """

    at: float = -float("inf")
    successes: int = 0
    failures: int = 0
    skipped: int = 0

    def add(self, call: Call) -> bool:
        """Count a call; False for one the check already knew of."""
        if call.at <= self.at:
            return False
        self.successes += call.is_success
        self.failures += call.is_failure
        return True

    @property
    def may_skip(self) -> bool:
        """Return whether the next scheduled check would tell nothing new."""
        good = self.successes >= LEAST_SUCCESSES and not self.failures
        return good and self.skipped < MOST_SKIPPED


def calls_for_check(calls: Iterable[Call], *, down: bool) -> bool:
    """Return whether one of these calls says other than the last check did."""
    return any(call.is_failure or (down and call.is_success) for call in calls)
