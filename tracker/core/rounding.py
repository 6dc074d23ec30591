"""Numbers rounded for people: the same value reads the same everywhere."""

import math


def whole_ms(milliseconds: float) -> str:
    """Return whole milliseconds, from the tenth that the API gives, halves up as browsers do."""
    return f"{math.floor(round(milliseconds, 1) + 0.5):,} ms"
