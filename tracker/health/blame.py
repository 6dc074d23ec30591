"""What a check of one model tells of its provider, and what of the model alone. Pure."""

from tracker.core.outcomes import CheckResult, OutcomeKind

# These say something about the way to the provider or about our account there, not about one
# model: they are held against the provider.
CONCERNS_PROVIDER = frozenset(
    {OutcomeKind.DNS, OutcomeKind.CONNECT, OutcomeKind.TLS, OutcomeKind.AUTH}
)
# A model that is gone or has no capacity left says nothing of the others, however many there are.
MODELS_OWN = frozenset({OutcomeKind.NOT_FOUND, OutcomeKind.OVERLOADED})
# Failures of so many offers of a provider within one interval of theirs are the provider's.
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
