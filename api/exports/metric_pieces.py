"""Metrics of each provider as bytes, reused while its view is the same object.

Prometheus asks for all of them every few seconds, and few have changed: of a thousand providers a
scrape writes the lines that changed, and joins only the families that have such a line. The
Prometheus client writes the lines of providers with offers; all others are written by hand.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import attrs
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from tracker.core.provider_status import ProviderStatus

Write = Callable[[Collector], bytes]
Collect = Callable[[Mapping[str, ProviderStatus]], Iterable[Metric]]
HEADS = (b"# HELP ", b"# TYPE ", b"# UNIT ")
END = b"# EOF\n"


@attrs.frozen
class Families(Collector):
    """Metrics that were collected before."""

    metrics: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        """Return the families as they were made, without computing anything."""
        return self.metrics


class LineWriter(Protocol):
    """Writes the lines of one provider, by family."""

    def write(self, provider: ProviderStatus) -> list[bytes]:
        """Return them; what did not change is the same object as before."""
        ...


@attrs.define
class MetricPieces:
    """The lines of each provider, by family, in one format.

    collect: the families of some providers, the same ones for any. make_writer: what writes the
    lines of the provider of this name, the last families left out where they are empty; providers
    with offers are not its.
    """

    write: Write
    collect: Collect
    make_writer: Callable[[str], LineWriter]
    _heads: list[bytes] = attrs.field(factory=list)
    _names: list[str] = attrs.field(factory=list)
    _views: list[ProviderStatus | None] = attrs.field(factory=list)
    _writers: dict[str, LineWriter] = attrs.field(factory=dict)
    _columns: list[list[bytes]] = attrs.field(factory=list)  # of each family, by provider
    _blocks: list[bytes] = attrs.field(factory=list)  # the columns, joined
    _changed: set[int] = attrs.field(factory=set)  # the columns that are to be joined again

    def blocks(self, providers: Mapping[str, ProviderStatus]) -> list[bytes]:
        """Return each family with its lines of all providers, one family after the other."""
        if not self._heads:
            self._heads = [head for head, _ in split_families(self._write_by_client({}))]
        if (names := [*providers]) != self._names or not self._blocks:
            self._arrange(names)
        views = self._views
        for place, provider in enumerate(providers.values()):
            if views[place] is not provider:
                self._renew(place, provider)
        for family in self._changed:
            self._blocks[family] = b"".join([self._heads[family], *self._columns[family]])
        self._changed.clear()
        return self._blocks

    def _arrange(self, names: list[str]) -> None:
        """Take other providers, or another order of them; what is kept of each stays."""
        places = {name: place for place, name in enumerate(self._names)}
        old = [places.get(name) for name in names]
        self._views = [None if place is None else self._views[place] for place in old]
        columns = self._columns or [[] for _ in self._heads]
        self._columns = [[b"" if at is None else each[at] for at in old] for each in columns]
        self._blocks = [b""] * len(self._heads)
        self._changed.update(range(len(self._heads)))
        for gone in self._writers.keys() - set(names):
            del self._writers[gone]
        self._names = names

    def _renew(self, place: int, provider: ProviderStatus) -> None:
        for family, lines in enumerate(self._lines(provider)):
            column = self._columns[family]
            if column[place] is not lines and column[place] != lines:
                column[place] = lines
                self._changed.add(family)
        self._views[place] = provider

    def _lines(self, provider: ProviderStatus) -> list[bytes]:
        if provider.offers:
            written = self._write_by_client({provider.name: provider})
            return [lines for _, lines in split_families(written)]
        if (writer := self._writers.get(provider.name)) is None:
            writer = self._writers[provider.name] = self.make_writer(provider.name)
        lines = writer.write(provider)
        return lines + [b""] * (len(self._heads) - len(lines))

    def _write_by_client(self, providers: Mapping[str, ProviderStatus]) -> bytes:
        return self.write(Families(self.collect(providers)))


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
