"""Which published views the next snapshot rebuilds. Pure."""

from collections.abc import Iterable, Iterator, Mapping

import attrs

from tracker.health.provider_state import ProviderState
from tracker.runtime.publication import REFRESHED_AT_ONCE


@attrs.define(eq=False)
class RefreshTurns:
    """Names of providers whose view is out of date, and of those whose windows advance in turn.

    outdated: every ProviderState adds itself here. Ten thousand views at once would block the event
    loop, so only REFRESHED_AT_ONCE targets at a time are refreshed because of time alone.
    """

    outdated: set[str] = attrs.field(factory=set)
    _waiting: list[str] = attrs.field(factory=list)  # waiting for their turn, the last first

    @property
    def round_is_over(self) -> bool:
        """Return whether every provider has had its turn."""
        return not self._waiting

    def note_changed(self, names: Iterable[str], providers: Mapping[str, ProviderState]) -> None:
        """Note the first of those that time alone has changed; after a sleep all may be."""
        self.outdated.update(_first(iter(names), providers))

    def note_turn(self, providers: Mapping[str, ProviderState]) -> None:
        """Note the next few whose windows are to be moved on; a round reaches all of them."""
        if not self._waiting:
            self._waiting = sorted(providers, reverse=True)
        self.outdated.update(_first(_pop_all(self._waiting), providers))


def count_targets(state: ProviderState | None) -> int:
    """Return how many are judged of it: itself, and each of its offers."""
    return 0 if state is None else 1 + len(state.offers)


def _first(names: Iterator[str], providers: Mapping[str, ProviderState]) -> Iterator[str]:
    left = REFRESHED_AT_ONCE
    while left > 0 and (name := next(names, None)) is not None:
        yield name
        left -= count_targets(providers.get(name))


def _pop_all(names: list[str]) -> Iterator[str]:
    while names:
        yield names.pop()
