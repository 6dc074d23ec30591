"""The first sweep: every enabled provider checked once since the start. Pure."""

from enum import Enum, auto

import attrs

NEARLY = 200  # results still missing: more than come in the tenth of a second for which some wait


class SweepPhase(Enum):
    """LOADING: the providers are not known yet. RUNNING: checks are missing. DONE: stays done."""

    LOADING = auto()
    RUNNING = auto()
    DONE = auto()


@attrs.define(eq=False)
class FirstSweep:
    """Which providers have not been checked since the start.

    Once done it stays done: a provider added later does not make the tracker unready.
    """

    phase: SweepPhase = SweepPhase.LOADING
    _unchecked: set[str] = attrs.field(factory=set)

    def expect(self, name: str) -> None:
        """Note a provider that has to be checked."""
        self._unchecked.add(name)

    def forget(self, name: str) -> None:
        """Note that a provider was checked, or need not be."""
        self._unchecked.discard(name)

    def begin(self) -> None:
        """Note that everything to be watched at the start is known."""
        if self.phase is SweepPhase.LOADING:
            self.phase = SweepPhase.RUNNING

    def is_complete(self) -> bool:
        """Return whether nothing is missing now, whether or not that was noted yet."""
        return self.phase is not SweepPhase.LOADING and not self._unchecked

    def is_nearly_complete(self) -> bool:
        """Return whether its end is so near that everybody waits for each result."""
        return self.phase is SweepPhase.RUNNING and len(self._unchecked) <= NEARLY

    def finish(self) -> bool:
        """Note the end of the sweep when it is complete; return whether it is done."""
        if self.is_complete():
            self.phase = SweepPhase.DONE
        return self.phase is SweepPhase.DONE
