"""Which results of a check of one model count against its provider, and which only against it.

Pure.
"""

from tracker.core.outcomes import CheckResult, OutcomeKind

# These concern the connection to the provider or our account there, not one model: they count
# against the provider.
CONCERNS_PROVIDER = frozenset(
    {OutcomeKind.DNS, OutcomeKind.CONNECT, OutcomeKind.TLS, OutcomeKind.AUTH}
)
# A model that is gone or out of capacity says nothing about the others, however many there are.
MODELS_OWN = frozenset({OutcomeKind.NOT_FOUND, OutcomeKind.OVERLOADED})
# When so many offers of a provider fail within one interval, the failure is the provider's.
OFFERS_TO_BLAME_PROVIDER = 2


def concerns_provider(result: CheckResult) -> bool:
    """Return whether what was found while asking for one model concerns the whole provider."""
    return result.kind in CONCERNS_PROVIDER


def may_blame_provider(result: CheckResult) -> bool:
    """Return whether a failure is the provider's once a second offer of it fails as well.

    A limit is no failure, and says nothing of other models.
    """
    return result.kind.is_failure and result.kind not in MODELS_OWN


def note_failure(failed_at: float | None, result: CheckResult, now: float) -> float | None:
    """Return when a target last failed in a way that may be its provider's, unless it succeeded.

    failed_at: the same before this check, in steady seconds as ``now``.
    """
    if result.kind.is_success:
        return None
    return now if may_blame_provider(result) else failed_at
