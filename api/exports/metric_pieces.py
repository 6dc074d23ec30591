"""Metrics of each provider as bytes, reused while its view is the same object.

Prometheus reads all of them every few seconds, and few have changed: a scrape of a thousand
providers joins the kept bytes. The Prometheus client writes the lines of providers with offers; all
others are written by our own code.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

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


@attrs.define
class MetricPieces:
    """The lines of each provider, by family, in one format.

    collect: the families for some providers, the same for all. write_lines: the lines of a provider
    by family, without empty families at the end; None for a provider with offers.
    """

    write: Write
    collect: Collect
    write_lines: Callable[[ProviderStatus], list[bytes] | None]
    _kept: dict[str, tuple[ProviderStatus, list[bytes]]] = attrs.field(factory=dict)

    def join(self, providers: Mapping[str, ProviderStatus]) -> bytes:
        """Return each family with its lines of all providers."""
        for gone in self._kept.keys() - providers.keys():
            del self._kept[gone]
        heads = [head for head, _ in split_families(self.write(Families(self.collect({}))))]
        lines = [self._lines(provider, len(heads)) for provider in providers.values()]
        if not lines:
            return b"".join(heads)
        families = zip(heads, zip(*lines, strict=True), strict=True)
        return b"".join(head + b"".join(each) for head, each in families)

    def _lines(self, provider: ProviderStatus, families: int) -> list[bytes]:
        kept = self._kept.get(provider.name)
        if kept is not None and kept[0] is provider:
            return kept[1]
        lines = self.write_lines(provider)
        if lines is None:
            written = self.write(Families(self.collect({provider.name: provider})))
            lines = [lines for _, lines in split_families(written)]
        else:
            lines += [b""] * (families - len(lines))
        self._kept[provider.name] = provider, lines
        return lines


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
