"""A property kit for ranking policies: call ``check_policy`` on your own in a plain test.

docs/ranking.md explains why a policy should have these properties. Needs hypothesis.
"""

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from types import MappingProxyType
from typing import NoReturn

from hypothesis import HealthCheck, Phase, given, settings

from tracker.core.ranking import Ranked
from tracker.core.settings import RankingSettings
from tracker.ranking.policy import Policy, PolicyError
from tracker.ranking.rank import run_policy
from tracker.testing import policy_properties as laws
from tracker.testing.policy_cases import Case, cases


class PolicyProperty(Enum):
    """A property that a policy may have; the value describes it."""

    COMPLETE = "each candidate stands in the answer once, its numbers finite, whatever its checks"
    PURE = "the same candidates and incumbent give the same answer"
    UNORDERED = "the order of the input does not matter, and equals stand by name"
    TIERS = "a degraded provider never stands before a healthy one"
    FASTER = "lowering one latency never worsens that provider's place"
    MENDED = "turning a failure into a fast success never worsens that provider's place"
    FAILED = "a failed check takes the first place away while a peer is healthy"
    MARGIN = "without the margin no challenger takes the incumbent's place in its tier"
    SETTLED = "ranking again without a new check changes nothing"
    EXPLAINED = "every number in a reason is one that ranked"


ALL = frozenset(PolicyProperty)

# The tracker's own policies, and the properties of each.
KEPT: Mapping[str, frozenset[PolicyProperty]] = MappingProxyType(
    {
        "expected_cost": ALL,
        "lowest_latency": ALL - {PolicyProperty.MARGIN},
        "peak_ewma": ALL - {PolicyProperty.MARGIN},
    }
)

_LAWS: Mapping[PolicyProperty, laws.Law] = MappingProxyType(
    {
        PolicyProperty.COMPLETE: laws.answers,
        PolicyProperty.PURE: laws.is_pure,
        PolicyProperty.UNORDERED: laws.is_unordered,
        PolicyProperty.TIERS: laws.keeps_tiers,
        PolicyProperty.FASTER: laws.rewards_speed,
        PolicyProperty.MENDED: laws.rewards_mending,
        PolicyProperty.FAILED: laws.leaves_the_failed,
        PolicyProperty.MARGIN: laws.keeps_the_margin,
        PolicyProperty.SETTLED: laws.is_settled,
        PolicyProperty.EXPLAINED: laws.explains,
    }
)


class PropertyViolation(AssertionError):  # noqa: N818 (what it is, for the reader of a failed test)
    """Raised for a property that does not hold, with the smallest counterexample found."""


def check_policy(
    policy: Policy,
    *,
    promises: Collection[PolicyProperty] = ALL,
    max_examples: int = 200,
    margins: RankingSettings = RankingSettings(),
) -> None:
    """Test each property on generated candidates; the same ones at every call.

    margins: the margins that MARGIN requires. Raises PropertyViolation, an AssertionError; an
    exception or an invalid answer of the policy violates COMPLETE, whichever property was tested.
    """

    def ask(case: Case) -> tuple[Ranked, ...]:
        try:
            return run_policy(policy, case.candidates, case.incumbent, "under test")
        except PolicyError as error:
            _blame(PolicyProperty.COMPLETE, case, str(error))

    for promise in PolicyProperty:
        if promise in promises:
            _try(promise, ask, max_examples, margins)


def _try(
    promise: PolicyProperty,
    ask: Callable[[Case], tuple[Ranked, ...]],
    max_examples: int,
    margins: RankingSettings,
) -> None:
    @settings(
        max_examples=max_examples,
        deadline=None,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(case=cases())
    def run(case: Case) -> None:
        for flaw in _LAWS[promise](ask, case, margins):
            _blame(promise, case, flaw)

    try:
        run()
    except PropertyViolation as broken:  # without the notes that a property test adds
        raise PropertyViolation(str(broken)) from None


def _blame(promise: PolicyProperty, case: Case, flaw: str) -> NoReturn:
    raise PropertyViolation(f"broken promise: {promise.value}\n  {flaw}\nwith\n{case}")
