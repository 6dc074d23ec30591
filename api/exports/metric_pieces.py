"""Metrics of each provider as text, reused while what they show is the same object.

Prometheus asks for all of them every few seconds, and few have changed: of a thousand providers a
scrape writes the lines that changed, and joins only the families that have such a line.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import attrs
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from api.exports.provider_lines import FamilyLines, make_label
from tracker.core.provider_status import ProviderStatus

Write = Callable[[Collector], bytes]
HEADS = (b"# HELP ", b"# TYPE ", b"# UNIT ")
END = b"# EOF\n"
_UNREAD = object()


@attrs.frozen
class Families(Collector):
    """Metrics that were collected before."""

    metrics: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        """Return the families as they were made, without computing anything."""
        return self.metrics


@attrs.define
class Column:
    """The lines of one family, by provider. block: all of them, below their head."""

    head: bytes
    family: FamilyLines
    block: bytes = b""
    _sources: list[object] = attrs.field(factory=list)
    _lines: list[str] = attrs.field(factory=list)

    def arrange(self, places: list[int | None]) -> None:
        """Take other providers: for each the place that it had, None for a new one."""
        self._sources = [_UNREAD if at is None else self._sources[at] for at in places]
        self._lines = ["" if at is None else self._lines[at] for at in places]
        self.block = b""

    def renew(self, places: list[int], views: list[ProviderStatus], labels: list[str]) -> None:
        """Write the lines of these views, at their places, where they show other objects."""
        sources, lines, write = self._sources, self._lines, self.family.write
        changed = not self.block
        for place, view, source in zip(places, views, map(self.family.read, views), strict=True):
            if source is not sources[place]:
                sources[place] = source
                text = write(view, labels[place])
                if text != lines[place]:
                    lines[place] = text
                    changed = True
        if changed:
            # Encoded as a whole: line by line that costs as much as writing the numbers.
            self.block = self.head + "".join(lines).encode()


@attrs.define
class MetricPieces:
    """The lines of all providers in one format, family after family.

    Families, not providers, come first in the work as well: a thousand lines of one kind take half
    as long as lines of thirty kinds in turn, since code and texts stay in the processor's cache.
    """

    columns: list[Column]
    _names: list[str] = attrs.field(factory=list)
    _labels: list[str] = attrs.field(factory=list)
    _views: list[ProviderStatus | None] = attrs.field(factory=list)

    def blocks(self, providers: Mapping[str, ProviderStatus]) -> list[bytes]:
        """Return each family with its lines of all providers, one family after the other."""
        if (names := [*providers]) != self._names:
            self._arrange(names)
        known = self._views
        changed = [
            (place, view)
            for place, view in enumerate(providers.values())
            if view is not known[place]
        ]
        places, views = [place for place, _ in changed], [view for _, view in changed]
        for column in self.columns:
            column.renew(places, views, self._labels)
        for place, view in changed:
            known[place] = view
        return [column.block for column in self.columns]

    def _arrange(self, names: list[str]) -> None:
        """Take other providers, or another order of them; what is kept of each stays."""
        places = {name: place for place, name in enumerate(self._names)}
        old = [places.get(name) for name in names]
        for column in self.columns:
            column.arrange(old)
        self._views = [None if place is None else self._views[place] for place in old]
        self._labels = [make_label(name) for name in names]
        self._names = names


def split_families(written: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the head of each family and the lines below it."""
    head: list[bytes] = []
    lines: list[bytes] = []
    for line in written.removesuffix(END).splitlines(keepends=True):
        if line.startswith(HEADS) and lines_end(head, line):
            yield b"".join(head), b"".join(lines)
            head, lines = [], []
        (head if line.startswith(HEADS) else lines).append(line)
    if head:
        yield b"".join(head), b"".join(lines)


def lines_end(head: list[bytes], line: bytes) -> bool:
    """Return whether a line of a head is that of another family."""
    return bool(head) and head[0].split(b" ", 3)[2] != line.split(b" ", 3)[2]
