"""A plain HTML table of all providers, for browsers without JavaScript."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import attrs
from jinja2 import Environment, Template, select_autoescape

from tracker.core.provider_status import ProviderStatus, RateLimit
from tracker.core.snapshot import Snapshot

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
UNKNOWN = "–"


@attrs.frozen
class Line:
    """``place``: in the ranking; None if it is not usable."""

    place: int | None
    provider: ProviderStatus


def render(snapshot: Snapshot) -> bytes:
    """Render the page without scripts, as UTF-8 HTML."""
    lines = list(lines_of(snapshot))
    return _template().render(snapshot=snapshot, lines=lines).encode()


def lines_of(snapshot: Snapshot) -> Iterator[Line]:
    """Return the lines as on the dashboard: the ranking, best first, then all others by name."""
    places = {line.provider: place for place, line in enumerate(snapshot.ranking.ranked, start=1)}
    for name in (*places, *sorted(snapshot.providers.keys() - places.keys())):
        yield Line(places.get(name), snapshot.providers[name])


def milliseconds(value: float | None) -> str:
    """Format milliseconds with one decimal; a dash for None."""
    return UNKNOWN if value is None else f"{value:.1f} ms"


def percent(value: float | None) -> str:
    """Format 0..100 with two decimals; a dash for None."""
    return UNKNOWN if value is None else f"{value:.2f} %"


def moment(at: datetime | None) -> str:
    """Format an aware instant in UTC to the second; a dash for None."""
    return UNKNOWN if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def limit(known: RateLimit) -> str:
    """Format the used share of the tightest limit; a dash where the provider tells none."""
    return UNKNOWN if known.source == "none" else f"{known.percent:.0f} % used"


@cache
def _template() -> Template:
    """Return the template, compiled once: the compiler holds the interpreter all the while."""
    environment = Environment(autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(ms=milliseconds, percent=percent, moment=moment, limit=limit)
    return environment.from_string((files(__name__) / "page.html.jinja").read_text("utf-8"))
