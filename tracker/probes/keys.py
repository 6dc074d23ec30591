"""Several keys of one provider: each check starts with the next one, the others are fallbacks."""

from collections.abc import Iterator

import attrs

from tracker.core.outcomes import CheckResult, KeyReport, KeyState, OutcomeKind
from tracker.core.redaction import Secret
from tracker.health.health_state import last_reset

# Outcomes that another key may avoid. Best first: a limit passes by itself, credit may return on
# a date, a refused key must be replaced by somebody.
_CURABLE = (OutcomeKind.RATE_LIMITED, OutcomeKind.QUOTA_EXHAUSTED, OutcomeKind.AUTH)
STATES = {
    OutcomeKind.OK: KeyState.OK,
    OutcomeKind.AUTH: KeyState.REFUSED,
    OutcomeKind.QUOTA_EXHAUSTED: KeyState.SPENT,
    OutcomeKind.RATE_LIMITED: KeyState.RATE_LIMITED,
}
MOST = 8  # keys tried in one check, which has one time-out for all


@attrs.define
class Keyring:
    """The keys and what is known about each. ``None``: the endpoint needs no key."""

    keys: tuple[Secret, ...]
    _states: list[KeyState] = attrs.field(init=False)
    _next: int = 0

    def __attrs_post_init__(self) -> None:
        self._states = [KeyState.UNKNOWN] * len(self.keys)

    def turn(self) -> Iterator[tuple[int, Secret | None]]:
        """Return positions and keys for one check, the next in turn first."""
        if not self.keys:
            yield 0, None
            return
        first, self._next = self._next, (self._next + 1) % len(self.keys)
        for step in range(min(len(self.keys), MOST)):
            position = (first + step) % len(self.keys)
            yield position, self.keys[position]

    def note(self, position: int, finding: CheckResult) -> None:
        """Note what a check with this key told about it; a server's failure tells nothing."""
        kind = OutcomeKind.RATE_LIMITED if was_its_last(finding) else finding.kind
        refused = finding.facts.authenticated is False or kind is not OutcomeKind.AUTH
        if self.keys and kind in STATES and refused:
            self._states[position] = STATES[kind]

    def reports(self) -> tuple[KeyReport, ...]:
        """Return each key's number, from 1, and state; never the key."""
        return tuple(KeyReport(number=n, state=s) for n, s in enumerate(self._states, start=1))


def may_succeed_with_another_key(finding: CheckResult) -> bool:
    """Return whether another key may do better."""
    return finding.kind in _CURABLE or was_its_last(finding)


def was_its_last(finding: CheckResult) -> bool:
    """Return whether a good answer tells that the key is used up until a reset."""
    return finding.kind.is_success and last_reset(finding) is not None


def best_of(findings: list[CheckResult]) -> CheckResult:
    """Return the finding that stands for the provider: the last one asked, unless all keys failed.

    findings: of one check, one a key, in the order asked; all but the last are curable.
    """
    last = findings[-1]
    if not may_succeed_with_another_key(last):
        return last
    return min(findings, key=_rank)


def _rank(finding: CheckResult) -> tuple[int, float]:
    """Rank an answer first, then curable kinds in their order; of equals the shortest."""
    if (reset := last_reset(finding)) is not None and finding.kind.is_success:
        return -1, reset.timestamp()
    wait = float("inf") if finding.retry_after is None else finding.retry_after
    return _CURABLE.index(finding.kind), wait
