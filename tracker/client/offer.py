"""What a caller learns about one offer."""

import attrs


@attrs.frozen(kw_only=True)
class Offer:
    """A provider and the model to request there. Durations in milliseconds, None when not known.

    model: the id to send; None when no model was requested, or its id there is not known.
    variant: the provider's packaging of the model. evidence: "offer" when the model itself was
    checked, "provider" when only its provider was, None while the tracker has not ranked it.
    patience_ms: how long to wait for an attempt before trying the next. failure_ms: how long its
    failures usually take.
    """

    provider: str
    model: str | None = None
    variant: str | None = None
    evidence: str | None = None
    reason: str = ""
    patience_ms: float | None = None
    latency_ms: float | None = None
    failure_probability: float | None = None
    failure_ms: float | None = None

    @property
    def key(self) -> str:
        """Return its name among candidates: "provider/model", or the provider's alone."""
        return self.provider if self.model is None else f"{self.provider}/{self.model}"
