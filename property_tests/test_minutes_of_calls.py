"""Minutes of many calls, reported by two reporters of which one lies, compared with a simple
oracle.

The oracle knows checks and minutes as letters: S and F for a check that succeeded or failed, M for
a minute that failed according to both reporters, m according to one. CONTRACT 4 then says what is
down.
"""

from datetime import timedelta
from math import sqrt

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.helpers.calls import call
from tests.helpers.factories import START, outcome, provider
from tracker.core.clock import ClockReading
from tracker.core.outcomes import OutcomeKind, Status
from tracker.health.provider_state import ProviderState
from tracker.reports.call import CallOutcome, NeutralOutcome
from tracker.runtime.traffic import TrafficRecorder
from tracker.store.backlog import Backlog

MINUTE = 60.0
NEVER_STALE = 1e9  # the next check is due then
TO_DOWN, TO_RECOVER = 3, 2  # the defaults of the configuration
ENOUGH = 20  # counted calls of a minute
counts = st.integers(0, 40)


class MinuteMachine(RuleBasedStateMachine):
    """One provider; in each minute it is checked, or called many times, or neither."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = MINUTE
        self.state = ProviderState(provider("groq"))
        self.recorder = TrafficRecorder(Backlog())
        self.letters = ""
        self.failed_minute = False  # since the last check
        self._check(OutcomeKind.OK)

    @rule(kind=st.sampled_from((OutcomeKind.OK, OutcomeKind.SERVER)))
    def a_check_is_made(self, kind: OutcomeKind) -> None:
        self._check(kind)

    @rule(lies=counts, truths=counts, works=st.booleans(), neutral=counts)
    def a_minute_has_many_calls(self, lies: int, truths: int, works: bool, neutral: int) -> None:
        """Report a minute of calls: the liar reports only failures, the honest one the real
        calls."""
        honest: CallOutcome = OutcomeKind.OK if works else OutcomeKind.SERVER
        told = [call(OutcomeKind.SERVER, after=self.seconds, reporter="liar")] * lies
        told += [call(honest, after=self.seconds, reporter="honest")] * truths
        told += [call(NeutralOutcome.CANCELLED, after=self.seconds, reporter="liar")] * neutral
        self.recorder.record(tuple(told), {"groq": self.state}, self._now)
        failures = lies + (0 if works else truths)
        if is_failed_minute(failures, lies + truths):
            accusers = (lies >= TO_DOWN) + (not works and truths >= TO_DOWN)
            self.letters += "M" if accusers == 2 else "m"
            self.failed_minute = True
        self.seconds += MINUTE

    @invariant()
    def the_status_is_as_the_oracle_says(self) -> None:
        view = self.state.refresh(self._now)
        assert view.status is self.expected, (self.letters, view.reason)
        assert view.outcome is (OutcomeKind.OK if self.last_check == "S" else OutcomeKind.SERVER)

    @property
    def expected(self) -> Status:
        if is_down(self.letters):
            return Status.DOWN
        doubtful = self.last_check == "F" or self.failed_minute or is_recovering(self.letters)
        return Status.DEGRADED if doubtful else Status.HEALTHY

    @property
    def last_check(self) -> str:
        return self.letters.replace("M", "").replace("m", "")[-1]

    @property
    def _now(self) -> ClockReading:
        return ClockReading(START + timedelta(seconds=self.seconds), self.seconds)

    def _check(self, kind: OutcomeKind) -> None:
        result = outcome(kind, after=self.seconds)
        self.state.record_check(result, NEVER_STALE, self._now)
        self.recorder.note_check(result, self._now)
        self.letters += "S" if kind is OutcomeKind.OK else "F"
        self.failed_minute = False
        self.seconds += MINUTE


def is_failed_minute(failures: int, calls: int) -> bool:
    """Return whether the lower end of Wilson's 95 % interval is above one half."""
    if calls < ENOUGH:
        return False
    z, share = 1.959964, failures / calls
    spread = z * sqrt(share * (1 - share) / calls + z * z / (4 * calls * calls))
    return (share + z * z / (2 * calls) - spread) / (1 + z * z / calls) > 0.5


def is_down(letters: str) -> bool:
    """Follow it letter by letter: only a good check ends down, and one reporter never causes it."""
    down, run, last = False, 0, "S"
    for letter in letters:
        if letter == "S":
            down, run = False, 0
        elif letter == "m" and last != "F" and not down:
            run = max(run, min(run + 1, TO_DOWN - 1))
        else:
            run += 1
        down = down or run >= TO_DOWN
        last = letter if letter in "SF" else last
    return down


def is_recovering(letters: str) -> bool:
    """Return whether there were too few good checks in a row since it was last down."""
    downs = [n for n in range(1, len(letters) + 1) if is_down(letters[:n])]
    if not downs:
        return False
    since = letters[downs[-1] :].replace("m", "F").replace("M", "F")
    return "S" * TO_RECOVER not in since


TestMinutes = MinuteMachine.TestCase
TestMinutes.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
