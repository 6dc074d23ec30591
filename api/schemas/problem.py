"""The JSON of an error."""

from typing import Annotated

from msgspec import Meta, Struct

PROBLEM = "application/problem+json"


class Problem(Struct, frozen=True):
    """An error (RFC 9457)."""

    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
