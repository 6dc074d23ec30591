"""The JSON of a badge, and what one may show."""

from typing import Literal

from msgspec import Struct, field


class Badge(Struct, frozen=True):
    """The JSON for a shields endpoint badge."""

    label: str
    message: str
    color: str
    schema_version: Literal[1] = field(name="schemaVersion", default=1)


class BadgeQuery(Struct):
    show: Literal["status", "uptime", "latency"] = "status"
