"""A provider and its offers as a state machine, compared with the oracle for single targets.

In the oracle each offer has its own checks, and those that concern the provider count for the
provider instead (CONTRACT 4). Pure: no trio, no store, a clock that is set by hand.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.provider_status import EvidenceSource
from tracker.core.ranking import Excluded
from tracker.core.settings import Provider, Timing
from tracker.health.provider_state import ProviderState
from tracker.health.restoring import StoredProvider, restore_provider
from tracker.health.rolling_statistics import Statistics
from tracker.health.target_state import StoredTarget
from tracker.testing.oracle import ObservedCheck, Oracle, OracleInputs

START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MODELS = ("a", "b", "c")
INTERVAL = 60.0
# If a check of an offer finds one of these, it concerns the provider.
PROVIDERS_OWN = {OutcomeKind.DNS, OutcomeKind.CONNECT, OutcomeKind.TLS, OutcomeKind.AUTH}
NO_FAILURE = {
    OutcomeKind.OK,
    OutcomeKind.SLOW,
    OutcomeKind.RATE_LIMITED,
    OutcomeKind.QUOTA_EXHAUSTED,
    OutcomeKind.REQUEST,
    OutcomeKind.INTERNAL,
}
FAR = 10_000_000.0  # here the next check is never late

kinds = st.sampled_from(
    (*3 * (OutcomeKind.OK, OutcomeKind.SERVER, OutcomeKind.NOT_FOUND), *OutcomeKind)
)
spans = st.sampled_from((1.0, 30.0, 100.0, 179.0, 181.0, 1_000.0))
executed = Counter[str]()


class OfferMachine(RuleBasedStateMachine):
    """One provider with three watched models."""

    def __init__(self) -> None:
        super().__init__()
        timing = Timing(interval_seconds=INTERVAL)
        self.provider = Provider(name="groq", models=MODELS, timing=timing)
        self.state = ProviderState(self.provider)
        self.stored: dict[str | None, str] = {}
        self.own = Oracle(timing)
        self.offers = {model: Oracle(self.provider.model_timing) for model in MODELS}
        self.failed: dict[str, float] = {}  # when an offer last failed, unless it succeeded since
        self.now = 0.0

    @rule(kind=kinds, wait=st.sampled_from((None, 20.0, 600.0)), seconds=spans)
    def the_provider_is_checked(
        self, kind: OutcomeKind, wait: float | None, seconds: float
    ) -> None:
        self.now += seconds
        self._record(kind, None, wait)
        self._saw_own(kind, wait)

    @rule(
        model=st.sampled_from(MODELS), kind=kinds, wait=st.sampled_from((None, 20.0)), seconds=spans
    )
    def an_offer_is_checked(
        self, model: str, kind: OutcomeKind, wait: float | None, seconds: float
    ) -> None:
        self.now += seconds
        self._record(kind, model, wait)
        if kind in PROVIDERS_OWN:
            self._saw_own(kind, wait)
            return
        self.offers[model].saw(self._seen(kind, wait))
        self._blame(model, kind)

    @rule(seconds=spans)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def it_is_restarted(self) -> None:
        """Keep only what was stored with the last check of each target."""
        state = ProviderState(self.provider)
        own, *offers = (
            StoredTarget(statistics=Statistics(), state=self.stored.get(model))
            for model in (None, *MODELS)
        )
        restore_provider(
            state,
            StoredProvider(own=own, offers=dict(zip(MODELS, offers, strict=True))),
            self._clock(),
        )
        self.state = state

    @invariant()
    def the_provider_is_as_the_oracle_says(self) -> None:
        shown = self.state.refresh(self._clock())
        assert shown.status is self.own.status(self._present()), self._told(self.own)
        assert shown.usable == self.own.usable(self._present()), self._told(self.own)
        assert shown.consecutive_failures == self.own.failures, self._told(self.own)

    @invariant()
    def each_offer_is_as_the_oracle_says(self) -> None:
        executed.update(rules=1)
        shown = self.state.refresh(self._clock())
        for offer in shown.offers:
            oracle = self.offers[offer.model]
            proven = any(
                check.kind not in {OutcomeKind.REQUEST, OutcomeKind.INTERNAL}
                for check in oracle.life
            )
            right = oracle.status(self._present()) if proven else shown.status
            assert offer.status is right, self._told(oracle)
            usable = oracle.usable(self._present()) if proven else True
            assert offer.usable == (shown.usable and usable), self._told(oracle)
            source = EvidenceSource.OFFER if proven else EvidenceSource.PROVIDER
            assert offer.evidence is source

    @invariant()
    def only_usable_offers_are_candidates(self) -> None:
        shown = self.state.refresh(self._clock())
        usable = {f"groq/{offer.model}": offer.usable for offer in shown.offers}
        barred = {name: isinstance(entry, Excluded) for name, entry in self.state.offer_entries()}
        assert barred == {name: not well for name, well in usable.items()}

    def _saw_own(self, kind: OutcomeKind, wait: float | None) -> None:
        self.own.saw(self._seen(kind, wait))

    def _blame(self, model: str, kind: OutcomeKind) -> None:
        """Count failures of two offers within one of their intervals for the provider as well.

        A missing or overloaded model never counts for the provider.
        """
        if kind in {OutcomeKind.OK, OutcomeKind.SLOW}:
            self.failed.pop(model, None)
        if kind in NO_FAILURE or kind in {OutcomeKind.NOT_FOUND, OutcomeKind.OVERLOADED}:
            return
        window = self.provider.model_timing.interval_seconds
        others = [at for name, at in self.failed.items() if name != model]
        if any(self.now - at <= window for at in others):
            self.own.life.append(self._seen(kind, None))
        self.failed[model] = self.now

    def _record(self, kind: OutcomeKind, model: str | None, wait: float | None) -> None:
        result = CheckResult(
            kind=kind,
            provider="groq",
            at=self._at(),
            model=model,
            latency_ms=100.0,
            retry_after=None if kind in {OutcomeKind.OK, OutcomeKind.SLOW} else wait,
        )
        record = self.state.record_check(result, self.now + FAR, self._clock())
        self.stored[record.result.model] = record.state
        if record.provider_state:  # stored in the same transaction
            self.stored[None] = record.provider_state

    def _seen(self, kind: OutcomeKind, wait: float | None) -> ObservedCheck:
        at = self._at()
        return ObservedCheck(
            at=at, ended=self.now, ended_at=at, kind=kind, latency_ms=100.0, reset_in=wait
        )

    def _present(self) -> OracleInputs:
        return OracleInputs(now=self.now, at=self._at())

    def _clock(self) -> ClockReading:
        return ClockReading(self._at(), self.now)

    def _at(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def _told(self, oracle: Oracle) -> str:
        return ", ".join(f"{check.kind} at {check.ended:g}" for check in oracle.life[-8:])
