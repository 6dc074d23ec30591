"""What a caller gets to know of one way to send a call."""

import attrs


@attrs.frozen(kw_only=True)
class Offer:
    """A provider, and the model to ask of it. Durations are in milliseconds, None where not known.

    model: the id to send; None where nobody asked for a model, or its id there is not known.
    variant: the provider's packaging of the model. evidence: "offer" where the model itself was
    checked, "provider" where only its provider was, None while the tracker has not ranked it.
    patience_ms: how long an attempt is worth waiting for before the next is tried. failure_ms:
    what a failure of its usually takes.
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
