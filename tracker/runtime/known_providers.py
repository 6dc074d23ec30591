"""The state of every provider that is watched, removed, or so far only stored."""

from collections.abc import Mapping

import attrs
import msgspec
import structlog

from tracker.core.clock import ClockReading
from tracker.core.settings import Provider
from tracker.health.other_vantages import OtherVantages
from tracker.health.provider_state import ProviderState
from tracker.health.restoring import StoredProvider, restore_provider
from tracker.runtime.refresh_turns import count_targets

log = structlog.get_logger()


@attrs.define(eq=False)
class KnownProviders:
    """State by name. outdated: where changed states note their names.

    others: other vantages of the cluster, None without one. targets: the watched providers and all
    their offers. complete: False while older checks are still being read.
    """

    outdated: set[str]
    others: OtherVantages | None = None
    watched: dict[str, ProviderState] = attrs.field(factory=dict)
    targets: int = 0
    complete: bool = True
    _removed: dict[str, ProviderState] = attrs.field(factory=dict)  # a reload may add them back
    _stored: dict[str, StoredProvider] = attrs.field(factory=dict)  # added later, perhaps

    def add(self, provider: Provider, now: ClockReading, *, overridden: bool) -> ProviderState:
        """Watch a provider, or take its new settings; return its state."""
        state = self.watched.get(provider.name)
        before = count_targets(state)
        if state is None:
            state = self.watched[provider.name] = self._state_for(provider, now)
        state.update_settings(provider, overridden=overridden)
        state.note_history(complete=self.complete)
        self.targets += count_targets(state) - before
        return state

    def remove(self, name: str) -> bool:
        """Stop watching a provider, keeping its state; return whether it was watched."""
        state = self.watched.pop(name, None)
        if state is None:
            return False
        self._removed[name] = state
        self.targets -= count_targets(state)
        return True

    def restore(
        self, stored: Mapping[str, StoredProvider], now: ClockReading, *, complete: bool
    ) -> None:
        """Take what the store remembers, also of providers that may be added later."""
        self.complete = complete
        known = self._removed | self.watched
        for name, past in stored.items():
            if (state := known.get(name)) is not None:
                _restore(state, past, now)
            else:
                self._stored[name] = past
        for state in known.values():
            state.note_history(complete=complete)

    def join(self, others: OtherVantages) -> None:
        """Take part in a cluster from now on."""
        self.others = others
        for state in self.watched.values():
            state.others = others
        self.touch_all()

    def touch_all(self) -> None:
        """Let every provider be judged again."""
        for state in self.watched.values():
            state.touch()

    def _state_for(self, provider: Provider, now: ClockReading) -> ProviderState:
        if (departed := self._removed.pop(provider.name, None)) is not None:
            departed.reset_after_absence()
            return departed
        state = ProviderState(provider, others=self.others, outdated=self.outdated)
        if (past := self._stored.pop(provider.name, None)) is not None:
            _restore(state, past, now)
        return state


def _restore(state: ProviderState, past: StoredProvider, now: ClockReading) -> None:
    try:
        restore_provider(state, past, now)
    except (msgspec.DecodeError, ValueError) as error:
        name = state.provider.name
        log.warning("stored state cannot be read", provider=name, error=str(error))
