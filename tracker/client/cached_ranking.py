"""The ranking in the client's memory: frozen, with everything computed in advance.

Nothing here raises, whatever the arguments: it runs on a proxy's routing path.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import accumulate, islice, repeat
from typing import Any

import attrs

from tracker.client.offer import Offer

NAMES_READ = 10_000  # at most: an iterable may be infinite
FEW = 200  # comparisons
LISTS_REMEMBERED = 16
_SIZED = frozenset({tuple, list, set, frozenset, dict})  # not their subclasses


@attrs.frozen(kw_only=True)
class CachedRanking:
    """Providers, or offers as "provider/model", best first, with the weights for a weighted choice
    (empty: not known).

    lines: what the tracker says about each. timestamp: the snapshot's, as the tracker wrote it.
    """

    names: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    timestamp: str = ""
    lines: Mapping[str, Offer] = attrs.field(factory=dict, repr=False)
    best: str | None = attrs.field(init=False)
    places: Mapping[str, int] = attrs.field(init=False, repr=False)
    _asked: dict[int, tuple[Collection[Any], str | None]] = attrs.field(
        init=False, repr=False, eq=False, factory=dict
    )

    @best.default
    def _first_name(self) -> str | None:
        return self.names[0] if self.names else None

    @places.default
    def _number_names(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def first(
        self, candidates: Collection[Any] | None, offering: Collection[str] | None
    ) -> str | None:
        """Return the best candidate that offers the model; None for a filter: any."""
        if offering is not None:
            candidates = _common(candidates, offering)
        if candidates is None:
            return self.best
        try:
            return self._first_of(candidates)
        except Exception:  # noqa: BLE001 (candidates that cannot be compared or hashed)
            return self._first_of(read_names(candidates))

    def _first_of(self, candidates: Collection[Any]) -> str | None:
        end, count = len(self.names), len(candidates)
        # Measured: with few names, comparing is faster than hashing; with many, looking up a
        # position takes twice as long as testing membership from the top.
        if end * count <= FEW:
            for name in self.names:
                if name in candidates:
                    return name
            return None
        if 4 * count < end:
            place = min(map(self.places.get, candidates, repeat(end)), default=end)
            return self.names[place] if place < end else None
        if isinstance(candidates, list | tuple):
            return self._first_of_long(candidates)
        return next(filter(candidates.__contains__, self.names), None)

    def _first_of_long(self, candidates: list[Any] | tuple[Any, ...]) -> str | None:
        """Return the best of a long list, cached: comparing costs a fifth of hashing."""
        known = self._asked.get(len(candidates))
        if known is None or known[0] != candidates:
            chosen = frozenset(candidates)
            known = candidates[:], next(filter(chosen.__contains__, self.names), None)
            if len(self._asked) >= LISTS_REMEMBERED:
                self._asked.clear()
            self._asked[len(candidates)] = known
        return known[1]

    def chosen(
        self, candidates: Collection[Any] | None, offering: Collection[str] | None
    ) -> tuple[str, ...]:
        """Return all that pass both filters, best first."""
        if offering is not None:
            candidates = _common(candidates, offering)
        if candidates is None:
            return self.names
        return tuple(filter(read_names(candidates).__contains__, self.names))

    def matching(self, candidates: Collection[str] | None) -> tuple[str, ...]:
        """Return all that are candidates by their own name or as one of their provider's."""
        if candidates is None:
            return self.names
        return tuple(
            name
            for name in self.names
            if name in candidates
            or ((line := self.lines.get(name)) is not None and line.provider in candidates)
        )

    def draw(self, names: tuple[str, ...], random: Callable[[], float]) -> str | None:
        """Draw one of ``names`` by their weights; the first where no weight is known.

        random: gives 0 ≤ x < 1; one that fails or strays beyond draws the first or the last.
        """
        weights = [self.weights[self.places[name]] for name in names] if self.weights else []
        total = sum(weights)
        if total <= 0.0:
            return names[0] if names else None
        mark = _unit(random) * total
        sums = accumulate(weights)
        return next(
            (name for name, upto in zip(names, sums, strict=True) if mark < upto), names[-1]
        )


def normalize_candidates(candidates: object) -> Collection[Any] | None:
    """Return candidates as something with a length; a string is read as names between commas."""
    if candidates is None or type(candidates) in _SIZED:
        return candidates  # type: ignore[return-value]
    if isinstance(candidates, str):
        return tuple(name for part in candidates.split(",") if (name := part.strip()))
    try:
        return tuple(islice(iter(candidates), NAMES_READ))  # type: ignore[call-overload]
    except Exception:  # noqa: BLE001 (not iterable, or its iterator failed)
        return ()


def _common(candidates: Collection[Any] | None, offering: Collection[str]) -> Collection[str]:
    return offering if candidates is None else read_names(candidates).intersection(offering)


def read_names(candidates: Iterable[Any]) -> frozenset[str]:
    """Return the strings among candidates, as plain ones."""
    # Copied in one operation: another thread may be changing the caller's set.
    names = (name for name in tuple(candidates) if issubclass(type(name), str))
    return frozenset(map(str.__str__, names))


def _unit(random: Callable[[], float]) -> float:
    try:
        return float(random())
    except Exception:  # noqa: BLE001 (the caller's source)
        return 0.0
