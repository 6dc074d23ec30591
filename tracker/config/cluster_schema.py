"""The table [cluster]: how this tracker works together with others."""

from typing import Annotated

import attrs
from msgspec import Meta

from tracker.config.field_types import Variable


@attrs.frozen(kw_only=True)
class ClusterTable:
    """Several trackers working as one, with PostgreSQL as the hub."""

    url_env: (
        Annotated[Variable, Meta(description="variable with PostgreSQL's URL for trackers")] | None
    ) = None
    vantage: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
                description="name of the place from which this tracker checks; required",
            ),
        ]
        | None
    ) = None
    down_from: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=1000,
                description="vantages that must see a provider down; left out: a majority",
            ),
        ]
        | None
    ) = None
    lease_seconds: (
        Annotated[
            float,
            Meta(
                ge=2.0,
                le=300.0,
                description="time until another tracker takes over from a dead one",
            ),
        ]
        | None
    ) = None
    retention_days: (
        Annotated[
            int, Meta(ge=1, le=3650, description="days until checks are deleted in PostgreSQL")
        ]
        | None
    ) = None
