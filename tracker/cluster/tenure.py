"""How long a lease counts as held, and when a member counts as dead. Pure; steady seconds.

The clock of another machine is never used: only "unchanged for a whole lease on my own steady
clock".
"""

from collections.abc import Mapping

import attrs

NEVER = float("-inf")
# Between the holder's deadline and the observer's: room for clocks that run at different rates
# (a tenth is far beyond any quartz) and for the instructions between the question and the act.
MARGIN_SHARE = 0.1
# A turn may be late by a beat and a half; after a longer gap the observer was blind meanwhile.
BLIND_BEATS = 2.5


@attrs.define
class Tenure:
    """Held until ``seconds`` less a margin after the last answered beat was SENT.

    Counted from the answer it would end too late: the hub may have taken the beat long before.
    """

    seconds: float
    until: float = NEVER

    @property
    def margin(self) -> float:
        """Return the seconds before the end of a lease from which it is not used any more."""
        return self.seconds * MARGIN_SHARE

    def confirm(self, sent: float) -> None:
        """Take a beat that was answered; ``sent``: when it was sent."""
        self.until = max(self.until, sent + self.seconds - self.margin)

    def lose(self) -> None:
        """Believe nothing until the next answered beat."""
        self.until = NEVER

    def holds(self, now: float) -> bool:
        """Return whether leases may be used at this steady time."""
        return now < self.until


@attrs.define
class Watcher:
    """Says whose beat stood still for a whole lease while we could read it all along.

    blind_after: a longer gap between two readings begins all observations again.
    """

    seconds: float
    blind_after: float
    _seen: dict[str, tuple[int, float]] = attrs.field(factory=dict)
    _read_at: float = NEVER

    def observe(self, beats: Mapping[str, int], now: float) -> list[tuple[str, int]]:
        """Take everybody's beats; return who is dead, with the beat that was seen last.

        Bury them only if that is still their beat: a compare-and-delete.
        """
        if now - self._read_at > self.blind_after:
            self._seen.clear()
        self._read_at = now
        known = self._seen
        self._seen = {
            member: known[member] if member in known and known[member][0] == beat else (beat, now)
            for member, beat in beats.items()
        }
        return [
            (member, beat)
            for member, (beat, since) in self._seen.items()
            if now - since >= self.seconds
        ]

    @property
    def next_death(self) -> float:
        """Return when the first of them counts as dead, unless its beat moves before."""
        return min((since for _, since in self._seen.values()), default=-NEVER) + self.seconds

    def forget(self) -> None:
        """Begin again: the hub is another one."""
        self._seen.clear()
