"""The JSON of ``/api/providers/best``: the ranking, and what it may be asked for."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from api.schemas.units import (
    Count,
    EvidenceWord,
    From,
    Milliseconds,
    Probability,
    Share,
    StatusWord,
    Timestamp,
)


class Ranked(Struct, frozen=True):
    """A usable provider and the numbers that gave it its place."""

    provider_name: Annotated[str, From("provider")]
    status: StatusWord
    expected_cost_ms: Milliseconds | None
    failure_probability: Probability | None
    latency_ms: Milliseconds | None
    samples: Count
    last_check: Timestamp | None
    reason: str
    model: str | None
    variant: str | None
    evidence: EvidenceWord | None
    weight: Share
    patience_ms: Milliseconds | None
    failure_ms: Milliseconds | None


class Excluded(Struct, frozen=True):
    """A provider that must not be used now."""

    provider_name: Annotated[str, From("provider")]
    reason: str
    until: Timestamp | None
    model: str | None


class Best(Struct, frozen=True):
    """The provider to use now, and the fallback order; ``last_resort``: not usable, but nothing
    says that a call would be refused.
    """

    best_provider: Annotated[str | None, From("best")]
    reason: str
    alternatives: list[str]
    ranking: Annotated[list[Ranked], From("ranked")]
    excluded: list[Excluded]
    timestamp: Timestamp
    valid_until: Timestamp | None
    policy: str
    last_resort: list[str]
    best_model: str | None


class BestQuery(Struct):
    candidates: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description="Only these providers or provider/model offers, separated by commas.",
            ),
        ]
        | UnsetType
    ) = UNSET
    exclude: Annotated[str, Meta(description="Without these, separated by commas.")] | UnsetType = (
        UNSET
    )
    model: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description="Rank the offers of this model: an id, or its name in any packaging.",
            ),
        ]
        | UnsetType
    ) = UNSET

    vantage: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description="The published ranking of this vantage of the cluster; `timestamp` and "
                "the header Age say how old it is. Cannot be combined with other parameters.",
            ),
        ]
        | UnsetType
    ) = UNSET
