"""A member's part in the leases, as a state machine without I/O.

A hub answers to ``join`` and ``beat``; what follows from the answer is a Step.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import attrs

from tracker.cluster.tenure import BLIND_BEATS, Tenure, Watcher

HERALD = "/herald"  # the lease of who sends the alerts, one for all; no provider has a slash


@attrs.frozen(kw_only=True)
class Beat:
    """What the hub answers to a turn.

    epoch: tells one server, and one start of it, from another. beat: ours, as it is now. held,
    tokens: how many leases are ours in the hub, and the sum of their tokens. beats: everybody's,
    by member. peers: the members of our vantage, ours among them.
    """

    member: str
    epoch: str
    beat: int = 0
    held: int = 0
    tokens: int = 0
    beats: Mapping[str, int] = attrs.field(factory=dict)
    peers: frozenset[str] = frozenset()
    hub_time: datetime | None = None  # only ever compared to find a clock that is wrong


@attrs.frozen(kw_only=True)
class Step:
    """What to do after an answer, in this order.

    lost: what was believed is void, for this reason; join again. claim: at most so many leases.
    herald: that one as well.
    """

    lost: str = ""
    bury: tuple[tuple[str, int], ...] = ()
    claim: int = 0
    herald: bool = False
    release: tuple[str, ...] = ()


@attrs.define
class Membership:
    """Counts leases as held only while no other can have them. ``names``: what may be leased."""

    seconds: float
    beat_seconds: float
    names: Collection[str] = ()
    member: str | None = None
    epoch: str | None = None
    tokens: dict[str, int] = attrs.field(factory=dict)
    tenure: Tenure = attrs.field(init=False)
    _watcher: Watcher = attrs.field(init=False)
    peers: tuple[str, ...] = ()  # the living members of our vantage, in order
    _beat: int = 0
    _quiet_until: float = float("-inf")

    def __attrs_post_init__(self) -> None:
        self.tenure = Tenure(self.seconds)
        self._watcher = Watcher(self.seconds, BLIND_BEATS * self.beat_seconds)

    def holds(self, name: str, now: float) -> bool:
        """Return whether the lease is ours at this very moment; ask right before acting on it."""
        return name in self.tokens and self.tenure.holds(now)

    def would_hold(self, name: str) -> bool:
        """Return whether a share without leases would give it to us: before any can be claimed."""
        if self.member not in self.peers:
            return False
        place = sorted(self.names).index(name) if name in self.names else 0
        return self.peers[place % len(self.peers)] == self.member

    def token(self, name: str) -> int | None:
        """Return the fencing token of a lease that we hold, None where we do not."""
        return self.tokens.get(name)

    def lose(self) -> None:
        """Believe nothing any more, and join again at the next turn."""
        self.member, self.tokens = None, {}
        self.tenure.lose()

    def take_join(self, answer: Beat, sent: float, now: float) -> Step:
        """Go on as the member that the hub has just made."""
        if answer.epoch != self.epoch:  # who held what before may believe in it for a whole lease
            self.epoch, self._quiet_until = answer.epoch, now + self.seconds
            self._watcher.forget()
        self.member, self.tokens, self._beat = answer.member, {}, answer.beat
        return self._go_on(answer, sent, now)

    def take_beat(self, answer: Beat | None, sent: float, now: float) -> Step:
        """Go on after a turn; None: we were buried."""
        if reason := self._void(answer):
            self.lose()
            return Step(lost=reason)
        assert answer is not None
        self._beat = answer.beat
        return self._go_on(answer, sent, now)

    def win(self, won: Mapping[str, int]) -> None:
        """Take the leases that a claim has given."""
        self.tokens.update(won)

    def _void(self, answer: Beat | None) -> str:
        """Say why nothing that was believed holds any more, or nothing."""
        if answer is None:
            return "another member removed this tracker as dead"
        if answer.epoch != self.epoch:
            return "the hub was restarted, or is a different server"
        if answer.beat != self._beat + 1:
            return "the hub has lost heartbeats"
        if (answer.held, answer.tokens) != (len(self.tokens), sum(self.tokens.values())):
            return "the hub's leases differ from those this tracker knows"
        return ""

    def _go_on(self, answer: Beat, sent: float, now: float) -> Step:
        self.tenure.confirm(sent)
        others = {each: beat for each, beat in answer.beats.items() if each != self.member}
        dead = self._watcher.observe(others, now)
        self.peers = tuple(sorted(answer.peers - {member for member, _ in dead}))
        share = self._share()
        shared = [name for name in self.tokens if name != HERALD]
        surplus = self._surplus(shared, share)
        quiet = now < self._quiet_until
        missing = 0 if quiet else share - len(shared) + len(surplus)
        return Step(
            bury=tuple(dead),
            claim=max(missing, 0),
            herald=not quiet and HERALD not in self.tokens,
            release=surplus,
        )

    def _share(self) -> int:
        """Say how many leases are ours: all have as many, but for the first, who have one more."""
        each, rest = divmod(len(self.names), max(len(self.peers), 1))
        before = sum(member < (self.member or "") for member in self.peers)
        return each + (before < rest)

    def _surplus(self, shared: list[str], share: int) -> tuple[str, ...]:
        """Stop believing in what is too much, or no longer watched, before the hub is told."""
        gone = [name for name in shared if name not in self.names]
        kept = sorted(name for name in shared if name in self.names)
        surplus = (*gone, *kept[share:])
        for name in surplus:
            del self.tokens[name]
        return surplus
