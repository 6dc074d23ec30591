"""The JSON of ``/api/models`` and ``/api/providers/models``: which providers have which model."""

from datetime import date

from msgspec import Struct

from api.schemas.units import (
    Count,
    EvidenceWord,
    Milliseconds,
    OutcomeWord,
    StatusWord,
    Timestamp,
    TokensPerSecond,
)


class ModelOffer(Struct, frozen=True):
    """One model at one provider; ``model`` is the id to send there.

    ``retires_on``: the announced switch-off day, from the provider's list or the catalogue.
    """

    provider_name: str
    model: str
    variant: str | None
    status: StatusWord
    status_since: Timestamp | None
    usable: bool
    reason: str
    evidence: EvidenceWord
    outcome: OutcomeWord | None = None
    last_check: Timestamp | None = None
    response_time_ms: Milliseconds | None = None
    ttft_ms: Milliseconds | None = None
    tokens_per_second: TokensPerSecond | None = None
    calls_24h: Count | None = None
    failures_24h: Count | None = None
    retires_on: date | None = None


class Model(Struct, frozen=True):
    """One model by its common name, best offer first."""

    model: str
    offers: list[ModelOffer]


class ModelList(Struct, frozen=True):
    """Every listed or watched model, by name."""

    models: list[Model]


class Models(Struct, frozen=True):
    """Which providers listed each model."""

    models: dict[str, list[str]]
