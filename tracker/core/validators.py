"""Validators that several value classes share."""

import math
from datetime import datetime
from typing import Any

import attrs


def is_aware(_: Any, attribute: "attrs.Attribute[Any]", value: datetime) -> None:
    """Check for attrs that an instant has a time zone. Raises ValueError."""
    if value.tzinfo is None:
        raise ValueError(f"{attribute.name} must carry a time zone")


def is_finite(_: Any, attribute: "attrs.Attribute[Any]", value: float) -> None:
    """Check for attrs that a number is neither infinite nor NaN. Raises ValueError."""
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be finite, got {value}")
