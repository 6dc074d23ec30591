"""Metric names, from the collector over an empty tracker."""

from collections.abc import Iterator

import trio

from api.exports.metrics import collect_families
from docs.generate.running import quiet_tracker
from docs.generate.tables import code, codes, table


def part() -> str:
    head = ("metric", "type", "labels", "meaning")
    return table(head, sorted(trio.run(_rows), key=lambda row: "tracker" in row[0]))


async def _rows() -> list[tuple[str, ...]]:
    async with quiet_tracker() as tracker:
        families = collect_families(tracker.snapshot, tracker.health())
        return [
            (
                code(family.name + "_total" * (family.type == "counter")),
                family.type,
                codes(_labels(family)),
                family.documentation,
            )
            for family in families
        ]


def _labels(family: object) -> Iterator[str]:
    yield from getattr(family, "_labelnames", ())
