"""A member's part in the leases, as a state machine without I/O.

A hub answers to ``join`` and ``beat``; what follows from the answer is a Step.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import attrs

from tracker.cluster.tenure import BLIND_BEATS, NEVER, Tenure, Watcher

MOMENT_SECONDS = 0.01  # past the moment at which a member counts as dead
NOT_OURS = "the hub's leases differ from those this tracker knows"
HERALD = "/herald"  # the lease of who sends the alerts, one for all; no provider has a slash


@attrs.frozen(kw_only=True)
class Beat:
    """What the hub answers to a turn.

    epoch: tells one server, and one start of it, from another. beat: ours, as it is now. held,
    tokens: how many leases are ours in the hub, and the sum of their tokens. beats: everybody's,
    by member. peers: the members of our vantage, ours among them; origins: their database files,
    which stay the same when they rejoin.
    """

    member: str
    epoch: str
    beat: int = 0
    held: int = 0
    tokens: int = 0
    beats: Mapping[str, int] = attrs.field(factory=dict)
    peers: frozenset[str] = frozenset()
    origins: Mapping[str, str] = attrs.field(factory=dict)
    hub_time: datetime | None = None  # only ever compared to find a clock that is wrong


@attrs.frozen(kw_only=True)
class Step:
    """What to do after an answer, in this order.

    lost: what was believed is void, for this reason; join again. settle: ask which leases are ours,
    the answer to a claim or a release was lost. release: no longer believed, to be given back.
    carry: claim these by name, they were ours at the hub that was started again. claim: at most so
    many leases. herald: that one as well.
    """

    lost: str = ""
    bury: tuple[tuple[str, int], ...] = ()
    settle: bool = False
    release: tuple[str, ...] = ()
    carry: tuple[str, ...] = ()
    claim: int = 0
    herald: bool = False


@attrs.define
class Membership:
    """Counts leases as held only while no other can have them. ``names``: what may be leased.

    tokens: what we count as held. leaving: held in the hub, and no longer counted. former: held
    at the hub before it was restarted, each until the end of its tenure: nobody claims anything
    at the new one before that. unsure: the answer to a claim or a release was lost.
    """

    seconds: float
    beat_seconds: float
    names: Collection[str] = ()
    member: str | None = None
    epoch: str | None = None
    tokens: dict[str, int] = attrs.field(factory=dict)
    leaving: dict[str, int] = attrs.field(factory=dict)
    former: dict[str, float] = attrs.field(factory=dict)
    unsure: bool = False
    tenure: Tenure = attrs.field(init=False)
    _watcher: Watcher = attrs.field(init=False)
    peers: tuple[str, ...] = ()  # the origins of the living members of our vantage, in order
    origin: str = ""
    met: bool = False  # another tracker of our vantage, ever
    _beat: int = 0
    _sent: int = 0  # beats since the last answer
    _forgotten: dict[str, float] = attrs.field(factory=dict)  # former, if the hub is another one
    _quiet_until: float = float("-inf")
    _first_until: float = float("-inf")

    def __attrs_post_init__(self) -> None:
        self.tenure = Tenure(self.seconds)
        self._watcher = Watcher(self.seconds, BLIND_BEATS * self.beat_seconds)

    def next_turn(self, now: float) -> float:
        """Return the seconds to the next turn: a beat, or less where a member counts as dead then.

        Otherwise nearly a whole beat would pass until it is removed.
        """
        due = self._watcher.next_death + MOMENT_SECONDS - now
        return min(max(due, self.beat_seconds / 4.0), self.beat_seconds)

    def holds(self, name: str, now: float) -> bool:
        """Return whether the lease is ours at this very moment; ask right before acting on it."""
        if name in self.tokens and self.tenure.holds(now):
            return True
        return now < self.former.get(name, NEVER)

    def would_hold(self, name: str) -> bool:
        """Return whether a share without leases would give it to us: where none can be had.

        By the files of the members, which all see alike; members change their names.
        """
        if self.origin not in self.peers:
            return False
        place = sorted(self.names).index(name) if name in self.names else 0
        return self.peers[place % len(self.peers)] == self.origin

    def is_first(self, now: float) -> bool:
        """Return whether we found nobody when we came: who comes later waits for a whole lease."""
        return now < self._first_until

    def token(self, name: str) -> int | None:
        """Return the fencing token of a lease that we hold, None where we do not."""
        return self.tokens.get(name)

    def lose(self) -> None:
        """Believe nothing any more, and join again at the next turn."""
        self.former = {}
        self._void_member()

    def send_beat(self) -> None:
        """Note that a beat is sent: without an answer it may have been counted, or not."""
        self._sent += 1

    def take_join(self, answer: Beat, sent: float, now: float) -> Step:
        """Go on as the member that the hub has just made."""
        if answer.epoch != self.epoch:  # who held what before may believe in it for a whole lease
            if self.epoch is None and len(answer.peers) == 1:
                self._first_until = sent + self.seconds - self.tenure.margin
            self.epoch, self._quiet_until = answer.epoch, now + self.seconds
            self._watcher.forget()
            self.former |= self._forgotten
        self._void_member()
        self.member, self._beat = answer.member, answer.beat
        return self._go_on(answer, sent, now)

    def take_beat(self, answer: Beat | None, sent: float, now: float) -> Step:
        """Go on after a turn; None: the hub does not know us, or not any more."""
        if reason := self._void(answer):
            held = self._held_at(now)
            self.lose()
            if answer is None:  # buried, and too late for any of it; or the next join finds another
                self._forgotten = held
            elif answer.epoch != self.epoch:
                self.former = held
            return Step(lost=reason)
        assert answer is not None
        self._beat, self._sent = answer.beat, 0
        return self._go_on(answer, sent, now)

    def win(self, won: Mapping[str, int]) -> None:
        """Take the leases that a claim has given."""
        self.tokens.update(won)
        for name in won:
            self.former.pop(name, None)

    def released(self, names: Collection[str]) -> None:
        """Note that the hub has taken these back."""
        for name in names:
            self.leaving.pop(name, None)

    def settle(self, held: Mapping[str, int]) -> str:
        """Take what the hub says is ours; why all is lost, where it lacks what we believe."""
        self.unsure = False
        if any(held.get(name) != token for name, token in self.tokens.items()):
            self.lose()
            return NOT_OURS
        self.leaving = {name: held[name] for name in self.leaving if name in held}
        self.win({name: token for name, token in held.items() if name not in self.leaving})
        return ""

    def _void_member(self) -> None:
        self.member, self.tokens, self.leaving = None, {}, {}
        self.unsure, self._sent, self._forgotten = False, 0, {}
        self.tenure.lose()

    def _held_at(self, now: float) -> dict[str, float]:
        """Say what is surely ours at this moment, and until when it would be.

        What nobody else could have at the old hub is nobody's at the new one. The herald's lease is
        not among it: its token is asked for with all that is written.
        """
        held = {name: until for name, until in self.former.items() if now < until}
        if self.tenure.holds(now):
            held |= {name: self.tenure.until for name in self.tokens if name != HERALD}
        return held

    def _void(self, answer: Beat | None) -> str:
        """Say why nothing that was believed holds any more, or nothing."""
        if answer is None:
            return "another member removed this tracker as dead"
        if answer.epoch != self.epoch:
            return "the hub was restarted, or is a different server"
        if not self._beat < answer.beat <= self._beat + max(self._sent, 1):
            return "the hub has lost heartbeats"
        known = [*self.tokens.values(), *self.leaving.values()]
        if not self.unsure and (answer.held, answer.tokens) != (len(known), sum(known)):
            return NOT_OURS
        return ""

    def _go_on(self, answer: Beat, sent: float, now: float) -> Step:
        self.tenure.confirm(sent)
        others = {each: beat for each, beat in answer.beats.items() if each != self.member}
        dead = self._watcher.observe(others, now)
        alive = answer.peers - {member for member, _ in dead}
        self.peers = tuple(sorted({answer.origins.get(each, each) for each in alive}))
        self.origin = answer.origins.get(answer.member, answer.member)
        self.met |= any(origin != self.origin for origin in self.peers)
        self.former = {name: until for name, until in self.former.items() if now < until}
        share = self._share()
        self._leave_surplus(share)
        free = not self.unsure and now >= self._quiet_until
        missing = share - sum(name != HERALD for name in self.tokens) if free else 0
        return Step(
            bury=tuple(dead),
            settle=self.unsure,
            release=() if self.unsure else tuple(self.leaving),
            carry=() if self.unsure else tuple(n for n in self.former if n in self.names),
            claim=max(missing, 0),
            herald=free and HERALD not in self.tokens,
        )

    def _share(self) -> int:
        """Say how many leases are ours: all have as many, but for the first, who have one more."""
        each, rest = divmod(len(self.names), max(len(self.peers), 1))
        before = sum(origin < self.origin for origin in self.peers)
        return each + (before < rest)

    def _leave_surplus(self, share: int) -> None:
        """Stop believing in what is too much, or no longer watched, before the hub is told."""
        shared = [name for name in self.tokens if name != HERALD]
        gone = [name for name in shared if name not in self.names]
        kept = sorted(name for name in shared if name in self.names)
        for name in (*gone, *kept[share:]):
            self.leaving[name] = self.tokens.pop(name)
