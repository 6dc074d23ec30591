"""The tables [alerts] and [[maintenance]]: who is sent messages, and when there are none."""

from datetime import datetime
from typing import Annotated

import attrs
from msgspec import Meta

from tracker.config.field_types import Name, Variable

PageCause = Annotated[
    str,
    Meta(
        pattern="^(nothing_usable|key|network|provider|offer|tracker)$",
        description="nothing_usable, key, network, provider, offer or tracker",
    ),
]


@attrs.frozen(kw_only=True)
class AlertsTable:
    targets_env: (
        Annotated[
            Variable, Meta(description="variable with the targets' secret URLs, one per line")
        ]
        | None
    ) = None
    secret_env: (
        Annotated[Variable, Meta(description="variable with the secret that signs webhooks")] | None
    ) = None
    page: (
        Annotated[
            tuple[PageCause, ...],
            Meta(max_length=100, description="causes for which messages are sent"),
        ]
        | None
    ) = None
    reminder_hours: (
        Annotated[
            float, Meta(ge=0.0, le=168.0, description="time until a message is repeated; 0: never")
        ]
        | None
    ) = None
    link: (
        Annotated[
            str,
            Meta(
                pattern=r"^https?://[^\s?#@]+$",
                max_length=1000,
                description="address of the dashboard, for the link in a message",
            ),
        ]
        | None
    ) = None


@attrs.frozen(kw_only=True)
class MaintenanceTable:
    providers: (
        Annotated[
            tuple[Name, ...],
            Meta(max_length=10_000, description="names of providers; left out: all"),
        ]
        | None
    ) = None
    start: (
        Annotated[datetime, Meta(description="start of a span of time, together with end")] | None
    ) = None
    end: Annotated[datetime, Meta(description="end of the span, not included")] | None = None
    weekly: (
        Annotated[
            str, Meta(max_length=100, description='a weekly window, for example "Sun 02:00-04:00"')
        ]
        | None
    ) = None
    timezone: (
        Annotated[Name, Meta(description="time zone of weekly, for example Europe/Berlin")] | None
    ) = None
