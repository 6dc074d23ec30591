"""How a figure is printed: its median, its spread, its ratio to a reference, its limit."""

import statistics
from collections.abc import Sequence

import attrs


@attrs.frozen
class Figure:
    """values: one per round. ratio: to the reference beside it. limit: of the ratio if there is
    one, otherwise of the median.
    """

    what: str
    values: Sequence[float]
    unit: str
    ratio: float | None = None
    limit: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        if self.limit is None:
            return None
        return (self.median if self.ratio is None else self.ratio) <= self.limit


def row(figure: Figure) -> str:
    spread = f"{min(figure.values):.4g}-{max(figure.values):.4g}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.3f} ×"
    limit = ""
    if figure.limit is not None:
        limit = f"{'reached' if figure.reached else 'missed'}, limit {figure.limit:.3g}"
    return (
        f"  {figure.what:<46}{figure.median:>10.4g} {figure.unit:<7}{spread:>17}{ratio:>10}  "
        f"{', '.join(text for text in (limit, figure.note) if text)}"
    )
