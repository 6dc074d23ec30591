"""A table that stays readable at any width, and cells that most tables share."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import attrs
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from api.cli.layout import GAP, ColumnSize, Kind, fit_columns
from tracker.core.rounding import whole_ms

# The heading of a column decides its kind.
NAMES = frozenset({"provider", "model", "best", "target", "before", "after", "by", "told"})
SENTENCES = frozenset({"why", "to enable it, set", "set by", "what to do", "found"})
NUMBERS = frozenset(
    {
        *("latency", "p95", "avg", "time", "risk", "first token", "24 h up", "uptime", "limit"),
        *("checks", "failures", "choices", "success", "regret", "switches", "offers"),
    }
)
# Shape and word in addition to the colour: not everybody sees all colours.
MARKS = {
    "healthy": ("●", "green"),
    "degraded": ("▲", "yellow"),
    "down": ("■", "red"),
    "unknown": ("○", "bright_black"),
}
UNKNOWN = "–"
Row = tuple[Text, ...]


@attrs.define
class Sheet:
    """spare: columns left out on a narrow terminal, starting with the last."""

    heads: tuple[str, ...]
    spare: tuple[str, ...] = ()
    rows: list[Row] = attrs.field(factory=list)

    def add_row(self, *cells: Text | str) -> None:
        """Append a row, one cell for each head, with control characters made visible."""
        self.rows.append(tuple(_printable(cell) for cell in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        layout = fit_columns([*self._sizes()], options.max_width)
        if not layout.stacked:
            yield self._lay_out(layout.widths, self.rows)
            return
        below = [at for at in range(len(self.heads)) if kind_of(self.heads[at]) == "sentence"]
        for number, row in enumerate(self.rows):
            yield self._lay_out(layout.widths, [row], headed=number == 0)
            yield from (Padding(row[at], (0, 0, 0, 2)) for at in below if row[at])

    def _lay_out(
        self, widths: Mapping[int, int], rows: Iterable[Row], *, headed: bool = True
    ) -> Table:
        padding = (0, GAP, 0, 0)
        made = Table(
            box=None, pad_edge=False, padding=padding, header_style="bold", show_header=headed
        )
        for at, width in widths.items():
            kind = kind_of(self.heads[at])
            made.add_column(
                self.heads[at],
                width=width,
                justify="right" if kind == "number" else "left",
                no_wrap=kind != "sentence",
                overflow="fold" if kind == "sentence" else "ellipsis",
            )
        for row in rows:
            made.add_row(*(row[at] for at in widths))
        return made

    def _sizes(self) -> Iterable[ColumnSize]:
        for at, head in enumerate(self.heads):
            longest = max((row[at].cell_len for row in self.rows), default=0)
            spare = self.spare.index(head) + 1 if head in self.spare else 0
            yield ColumnSize(max(longest, cell_len(head)), kind_of(head), spare)


def table(*heads: str, spare: Sequence[str] = ()) -> Sheet:
    """Make an empty sheet. spare: the heads to leave out first on a narrow terminal."""
    return Sheet(heads, tuple(spare))


def kind_of(head: str) -> Kind:
    """Return how a column is aligned and wrapped, by its head; an unknown head is a word."""
    if head in NUMBERS:
        return "number"
    return "name" if head in NAMES else "sentence" if head in SENTENCES else "word"


def _printable(cell: Text | str) -> Text:
    """Remove escape sequences, direction marks and line breaks from what a tracker says."""
    text = cell if isinstance(cell, Text) else Text(cell)
    if text.plain.isprintable():
        return text
    clean = "".join(char if char.isprintable() else " " for char in text.plain)
    return Text(clean, style=text.style)


def mark(status: str) -> Text:
    """Return a status with its shape and colour; an unknown one has a question mark."""
    shape, colour = MARKS.get(status, ("?", "default"))
    return Text(f"{shape} {status}", style=colour)


def milliseconds(value: float | None) -> str:
    """Format milliseconds without decimals, thousands grouped; a dash for None."""
    return UNKNOWN if value is None else whole_ms(value)


def percent(value: float | None) -> str:
    """Format 0..100 with one decimal; a dash for None."""
    return UNKNOWN if value is None else f"{value:.1f} %"


def duration(seconds: float) -> str:
    """Round down, in at most two units."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def count_noun(number: int, noun: str) -> str:
    """Write the noun in the singular for one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def moment(instant: str) -> str:
    """Format a moment with the date, and without the zone: 80 columns hold no more."""
    return f"{instant[:10]} {instant[11:19]}"


def describe_offer(reason: str, retires_on: date | None) -> str:
    """Add the day that was announced for a model's end, where it is known."""
    if retires_on is None:
        return reason
    return f"{reason}; will be switched off on {retires_on.isoformat()}"


def clock(instant: str | None) -> str:
    """Format the time of day; at a glance UTC without the date is enough."""
    return UNKNOWN if instant is None else f"{instant[11:19]} UTC"
