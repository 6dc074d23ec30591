"""``status --watch``: the table of ``status``, updated live until Ctrl-C."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from api.cli.errors import UnreachableError
from api.cli.tables import providers_table
from api.cli.terminal import console
from api.cli.tracker_client import TrackerClient
from api.schemas import status as schemas

# An unchanged answer is a 304 of about 200 bytes, so polling every second is cheap, and a restarted
# tracker is found again without any state here.
POLL_SECONDS = 1.0
WORST_FIRST = ("down", "degraded", "unknown", "healthy")
Sleep = Callable[[float], None]


@attrs.frozen
class WatchFrame:
    """document: the last known; complaint: why it may be out of date, None while it is live."""

    document: Any = None
    complaint: str | None = None

    @property
    def live(self) -> bool:
        """Return whether the tracker answers now; False while a complaint is shown."""
        return self.complaint is None


def follow(tracker: TrackerClient, *, as_json: bool, sleep: Sleep = time.sleep) -> None:
    """Follow until Ctrl-C. Raises UnreachableError only where the tracker never answered at all."""
    try:
        if as_json:
            _print(looks(tracker, sleep))
        elif not console().is_terminal:
            _append(looks(tracker, sleep))
        else:
            _draw(looks(tracker, sleep))
    except KeyboardInterrupt:
        return


def looks(tracker: TrackerClient, sleep: Sleep) -> Iterator[WatchFrame]:
    """Yield what is seen now and then after each pause, forever.

    The first raises what goes wrong.
    """
    response = tracker.fetch("/api/providers/status")
    seen = WatchFrame(tracker.decode_json(response, schemas.Status))
    while True:
        yield seen
        sleep(POLL_SECONDS)
        try:
            latest = tracker.fetch("/api/providers/status", etag=response.headers.get("ETag"))
            changed = latest.status_code == 200
            seen = WatchFrame(
                tracker.decode_json(latest, schemas.Status) if changed else seen.document
            )
            response = latest
        except UnreachableError as error:
            seen = attrs.evolve(seen, complaint=str(error))


def _print(seen: Iterator[WatchFrame]) -> None:
    """Print only documents on stdout; stderr says when the tracker is lost or back."""
    before = WatchFrame()
    for look in seen:
        if look.live != before.live:
            print(look.complaint or "the tracker answers again", file=sys.stderr)  # noqa: T201
        if look.document != before.document:
            print(msgspec.json.encode(look.document).decode(), flush=True)  # noqa: T201
        before = look


def _append(seen: Iterator[WatchFrame]) -> None:
    """Append a table at each change to a file or pipe, where nothing can be drawn over."""
    before = WatchFrame()
    for look in seen:
        if (look.live, look.document) != (before.live, before.document):
            console().print(screen(look, datetime.now(UTC)))
            sys.stdout.flush()
        before = look


def _draw(seen: Iterator[WatchFrame]) -> None:
    terminal = console()
    with Live(console=terminal, auto_refresh=False) as live:
        for look in seen:
            live.update(fit_to_terminal(look, datetime.now(UTC), terminal), refresh=True)


def screen(look: WatchFrame, now: datetime) -> RenderableType:
    """Return the table with its age beneath it, so that an old one is recognised."""
    return Group(providers_table(_read_providers(look)), Text(), _footer(look, now))


def fit_to_terminal(look: WatchFrame, now: datetime, terminal: Console) -> RenderableType:
    """Return the screen; where the terminal is too low, the worst rows and the number left out."""
    listed = _read_providers(look)
    whole = screen(look, now)
    if len(listed) < terminal.height and _lines(whole, terminal) <= terminal.height:
        return whole
    listed.sort(key=lambda one: WORST_FIRST.index(one.status))
    for shown in range(min(len(listed) - 1, terminal.height), 0, -1):
        some = Group(providers_table(listed[:shown]), _more(listed[shown:]), _footer(look, now))
        if _lines(some, terminal) <= terminal.height:
            return some
    return Group(_more(listed), _footer(look, now))


def _read_providers(look: WatchFrame) -> list[schemas.Provider]:
    return list(msgspec.convert(look.document["providers"], dict[str, schemas.Provider]).values())


def _lines(shown: RenderableType, terminal: Console) -> int:
    return len(terminal.render_lines(shown, terminal.options.update(height=None), pad=False))


def _more(left_out: list[schemas.Provider]) -> Text:
    counts = Counter[str](one.status for one in left_out)
    told = ", ".join(f"{counts[status]} {status}" for status in WORST_FIRST if counts[status])
    return Text(f"… {told}")


def _footer(look: WatchFrame, now: datetime) -> Text:
    at = datetime.fromisoformat(look.document["timestamp"])
    told = f"as of {at:%H:%M:%S} UTC"
    if look.live:
        return Text(f"● live, {told}; press Ctrl-C to quit", style="green")
    age = max((now - at).total_seconds(), 0.0)
    return Text(f"■ not live: {told}, {age:.0f} s ago; {look.complaint}", style="red")
