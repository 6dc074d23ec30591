"""A gauge of providers or offers."""

from collections.abc import Callable
from typing import Any

import attrs


@attrs.frozen
class Gauge:
    """field: that of a view which it is computed from. compute: its number, None if unknown."""

    name: str
    says: str
    field: str
    compute: Callable[[Any], float | None]

    def read(self, view: object) -> float | None:
        """Return what it shows of a provider or an offer."""
        return self.compute(getattr(view, self.field))
