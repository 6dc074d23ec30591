"""The state machine with two reporting proxies: one reports the truth, one lies.

Neither may change the oracle's result, which depends on checks alone: reports make checks earlier
or less frequent, and never count as one. Each proxy reports one call in ten seconds, so no minute
has enough calls to count as a failed check.
"""

from datetime import UTC, datetime
from functools import partial
from itertools import count

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from property_tests.served_machine import ServedMachine
from tests.helpers.calls import batch
from tracker.core.outcomes import OutcomeKind, Status
from tracker.testing import ProviderBehavior
from tracker.testing.machine import names

SECONDS = 10.0
# Every fourth check is made, each up to a tenth of an interval early or late.
TICKS = 4.4
LIMITS = {OutcomeKind.RATE_LIMITED, OutcomeKind.QUOTA_EXHAUSTED}
lies = st.sampled_from(("ok", "server", "timeout", "auth", "not_found", "cancelled", "nonsense"))
# The lying proxy's times: now, in the future, too old, and before the last check.
clocks = st.sampled_from((0.0, 0.0, 0.0, 30.0, 120.0, -700.0, -90.0))


class ReportMachine(ServedMachine):
    """The tracker's state machine with two reporting proxies."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = count()

    @rule(name=names, lie=lies, clock=clocks, repeats=st.integers(1, 4))
    def two_proxies_report(self, name: str, lie: str, clock: float, repeats: int) -> None:
        for _ in range(repeats):
            self._tell("honest", name, self._truth(name), 0.0)
            self._tell("liar", name, lie, clock)
            self.everything_is_as_the_oracle_says()  # before a check could correct it
            self.time_passes(SECONDS)

    @rule(name=names, repeats=st.integers(5, 40))
    def a_proxy_has_good_traffic(self, name: str, repeats: int) -> None:
        """Report good calls for so long that checks are skipped, at most three in a row."""
        self.world.checks[name].mood = ProviderBehavior.OK
        for _ in range(repeats):
            self._tell("honest", name, "ok", 0.0)
            self.time_passes(SECONDS)
        shown = self.world.tracker.snapshot.providers.get(name)
        if shown is not None and shown.status is Status.HEALTHY:
            age = self.world.now - self.world.oracles[name].life[-1].ended
            assert age <= TICKS * shown.interval_seconds, f"{name} was not checked for {age:.0f} s"

    @rule(name=names, lie=lies)
    def a_batch_is_sent_again(self, name: str, lie: str) -> None:
        """Send a batch again: no report in it may be accepted a second time."""
        body = self._batch("liar", name, lie, 0.0)
        first = self.world.do(partial(self.world.tracker.report, body))
        again = self.world.do(partial(self.world.tracker.report, body))
        assert again.accepted == 0
        assert len(again.refused) == first.accepted + len(first.refused)
        self.time_passes(SECONDS)

    @invariant()
    def who_tells_the_truth_is_trusted(self) -> None:
        assert "honest" not in self.world.tracker.health().untrusted_reporters

    def _truth(self, name: str) -> str:
        expected = self.world.checks[name].mood.expected
        return "cancelled" if expected in LIMITS else expected.value

    def _tell(self, reporter: str, name: str, outcome: str, clock: float) -> None:
        body = self._batch(reporter, name, outcome, clock)
        receipt = self.world.do(partial(self.world.tracker.report, body))
        assert receipt.accepted + len(receipt.refused) == 1
        wrong = name not in self.world.oracles or outcome == "nonsense"
        if wrong or clock > 60.0 or clock < -600.0:
            assert receipt.accepted == 0

    def _batch(self, reporter: str, name: str, outcome: str, clock: float) -> bytes:
        at = self.world.clock.now().timestamp() + clock
        report = {"id": f"{next(self.ids)}", "at": _written(at), "provider": name}
        return batch(report | {"outcome": outcome}, reporter=reporter)


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
