"""How well the rules of model names do on a file of known models, and every miss.

    python -m benchmarks.model_names tests/data/models.csv

The file needs the columns provider, wire_id and base_model, as models.dev (MIT) has them. All pairs
of offers with a known base model are judged: precision is the share of the pairs merged by
the rules that have one base model, recall the share of those with one base model that are merged.
The figures are repeated for two halves of the file, split by a hash of the base model, to show
whether a few models decide them, and for the rules alone, without the table of exceptions. Rules
and table were written with the file in the repository, so only another file can show how well they
work on unknown names. Exits with 1 below the limits.
"""

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from unittest import mock

import attrs

from tracker.models import names
from tracker.models.names import parse_model_id

LEAST_PRECISION = 0.995  # a wrong merge sends a caller to another model
LEAST_RECALL = 0.95


@attrs.frozen
class KnownOffer:
    provider: str
    model: str
    base: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} ({self.base})"


Pair = tuple[KnownOffer, KnownOffer]


@attrs.frozen
class Score:
    merged: int
    wrong: tuple[Pair, ...]
    missed: tuple[Pair, ...]

    @property
    def precision(self) -> float:
        found = self.merged + len(self.wrong)
        return self.merged / found if found else 1.0

    @property
    def recall(self) -> float:
        wanted = self.merged + len(self.missed)
        return self.merged / wanted if wanted else 1.0

    @property
    def passes(self) -> bool:
        return self.precision >= LEAST_PRECISION and self.recall >= LEAST_RECALL


def read_known(file: Path) -> list[KnownOffer]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [
        KnownOffer(row["provider"], row["wire_id"], row["base_model"])
        for row in rows
        if row["base_model"]
    ]


def common_name(model_id: str) -> str:
    return parse_model_id(model_id).name


def score(offers: Iterable[KnownOffer], name_of: Callable[[str], str] = common_name) -> Score:
    merged, wrong, missed = 0, [], []
    for one, other in combinations(offers, 2):
        same_base = one.base == other.base
        same_name = name_of(one.model) == name_of(other.model)
        if same_base and same_name:
            merged += 1
        elif same_name:
            wrong.append((one, other))
        elif same_base:
            missed.append((one, other))
    return Score(merged, tuple(wrong), tuple(missed))


def name_by_rules_alone(model_id: str) -> str:
    with mock.patch.multiple(names, NAMES={}, IDS={}):
        return names._parse(model_id).name


def split_by_base(offers: Iterable[KnownOffer]) -> tuple[list[KnownOffer], list[KnownOffer]]:
    halves: tuple[list[KnownOffer], list[KnownOffer]] = ([], [])
    for offer in offers:
        halves[sha256(offer.base.encode()).digest()[0] % 2].append(offer)
    return halves


def print_score(title: str, result: Score) -> None:
    print(
        f"{title}: precision {result.precision:.2%}, recall {result.recall:.2%}"
        f" ({result.merged} pairs merged rightly, {len(result.wrong)} wrongly,"
        f" {len(result.missed)} missed)"
    )


def print_pairs(title: str, pairs: Sequence[Pair]) -> None:
    for one, other in pairs:
        print(f"  {title}: {one} and {other}")


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m benchmarks.model_names FILE.csv", file=sys.stderr)
        return 2
    offers = read_known(Path(arguments[0]))
    whole = score(offers)
    print_score(f"{len(offers)} offers with a known base model", whole)
    for number, half in enumerate(split_by_base(offers), start=1):
        print_score(f"half {number}, {len(half)} offers", score(half))
    print_score("without the exceptions", score(offers, cache(name_by_rules_alone)))
    print_pairs("wrongly merged", whole.wrong)
    print_pairs("missed", whole.missed)
    return 0 if whole.passes else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
