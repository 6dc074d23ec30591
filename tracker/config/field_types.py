"""Types of values that several tables of tracker.toml share."""

from typing import Annotated

from msgspec import Meta

from tracker.config.values import OF_A_VARIABLE

Name = Annotated[str, Meta(min_length=1, max_length=1000)]
Variable = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        max_length=100,
        description="name of a variable",
        extra=OF_A_VARIABLE,
    ),
]
