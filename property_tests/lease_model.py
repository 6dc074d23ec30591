"""Random faults in virtual time, and a witness that looks for two holders of one lease.

Three members run the product's Membership against a hub in memory. Requests and answers come late,
some long after their sender gave up, or never; members freeze and crash; the hub is unavailable or
loses its last seconds in a failover; and the members' clocks run up to 2 % fast or slow. A control
leaves one rule out; the witness must then find two holders.
"""

import heapq
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any

import attrs

from tracker.cluster.hub import Origin, Profile
from tracker.cluster.membership import Beat, Membership, Step
from tracker.core.clock import Clock
from tracker.testing.hub import FakeHub
from tracker.testing.hub_server import FakeServer

LEASE, BEAT, SECONDS = 5.0, 1.0, 90.0
KEPT_SHARE = 0.02  # of the messages, that a network keeps for a while and delivers then
NAMES = ("groq", "mistral", "openai")
CONTROLS = (
    "flag",
    "hub_clock",
    "from_answer",
    "no_comparison",
    "no_start_time",
    "no_quiet",
    "late_carry",
    "late_open",
)
Span = tuple[float, float]


class ControlMembership(Membership):
    """A membership without the rule that its control names."""

    control = ""
    flag = False

    def holds(self, name: str, now: float) -> bool:
        if self.control == "flag":
            return self.flag and name in self.tokens
        return super().holds(name, now)

    def _void(self, answer: Beat | None) -> str:
        if self.control == "no_start_time":  # a failover is not noticed in any way
            if answer is not None:
                gone = bool(self.tokens) and not answer.held
                self.tokens = {} if gone else self.tokens
            return "" if answer is not None else "buried"
        return super()._void(answer)

    def _held_at(self, now: float) -> dict[str, float]:
        # carries over leases that another member may have held meanwhile
        if self.control == "late_carry":
            return dict.fromkeys(self.tokens, now + self.beat_seconds)
        return super()._held_at(now)

    def _go_on(self, answer: Beat, sent: float, now: float) -> Step:
        if self.control in {"no_quiet", "no_start_time"}:
            self._quiet_until = float("-inf")
        self.flag = True
        return super()._go_on(answer, now if self.control == "from_answer" else sent, now)


@attrs.define(eq=False)
class Replica:
    """One member. incarnation: grows with each crash, so that old events of it are void."""

    number: int
    rate: float
    control: str
    frozen: list[Span]
    dead: list[Span]
    incarnation: int = 0
    pending: int = 0
    acted: bool = False  # in this turn: claims and releases may be in transit
    membership: ControlMembership = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.incarnation += 1
        self.membership = ControlMembership(seconds=LEASE, beat_seconds=BEAT, names=NAMES)
        self.membership.control = self.control

    @property
    def profile(self) -> Profile:
        return Profile(vantage="v", origin=str(self.number))

    def clock(self, t: float) -> float:
        return t * self.rate + self.number * 1000.0

    def acts_at(self, t: float) -> float:
        """Return when the member really handles an event due at ``t``."""
        return max([end for begin, end in self.frozen if begin <= t < end], default=t)

    def is_dead(self, t: float) -> bool:
        return any(begin <= t < end for begin, end in self.dead)

    def believes(self, t: float) -> set[str]:
        return {name for name in NAMES if self.membership.holds(name, self.clock(t))}


@attrs.define(eq=False, slots=False)
class Run:
    """One run; ``execute`` returns the times with two holders."""

    seed: int
    control: str = ""
    now: float = 0.0
    doubles: list[tuple[float, int, int]] = attrs.field(factory=list)
    checks: int = 0
    _queue: list[Any] = attrs.field(factory=list)
    _events: int = 0
    random: Random = attrs.field(init=False)
    server: FakeServer = attrs.field(init=False)
    replicas: list[Replica] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.random = r = Random(self.seed)
        self.server = FakeServer(clock=Clock(steady=lambda: self.now))
        self.hub = FakeHub(self.server)
        self.slow = r.choice([0.02, 0.02, 0.3, 1.2])
        self.away = [self._span([0.5, 3.0, 6.0, 11.0]) for _ in range(r.randrange(3))]
        lengths = [0.3, 2.0, 4.6, 5.2, 7.0, 12.0]
        self.lost = [
            (r.randrange(3), self._span([1.0, 4.0, 12.0]), r.choice(["request", "answer", "both"]))
            for _ in range(r.randrange(4))
        ]
        self.replicas = [
            Replica(
                number=number,
                rate=1 + r.uniform(-0.02, 0.02),
                control=self.control,
                frozen=[self._span(lengths) for _ in range(r.randrange(3))],
                dead=[self._span([0.5, 5.0, 12.0]) for _ in range(r.randrange(2))],
            )
            for number in range(3)
        ]
        self.expiry: dict[str, float] = {}  # by the hub's clock: the control that uses it
        self.jump = 0.0

    def execute(self) -> list[tuple[float, int, int]]:
        for replica in self.replicas:
            self.hub.open_origin(replica.profile, "file", 0)
            self._boot(replica, self.random.uniform(0, 1))
            for begin, end in replica.dead:
                self._at(begin, replica.reset)
                self._at(end, partial(self._boot, replica, end))
        self._plan_failover()
        self._plan_releases()
        while self._queue:
            t, _, act = heapq.heappop(self._queue)
            if t > SECONDS:
                break
            self.now = t
            act()
        return self.doubles

    def _span(self, lengths: list[float]) -> Span:
        begin = self.random.uniform(3.0, SECONDS - 20.0)
        return begin, begin + self.random.choice(lengths) * self.random.uniform(0.8, 1.2)

    def _at(self, t: float, act: Callable[[], object]) -> None:
        self._events += 1
        heapq.heappush(self._queue, (t, self._events, act))

    def _plan_failover(self) -> None:
        if self.random.random() < 0.4:
            t, back = self.random.uniform(5.0, SECONDS - 20.0), self.random.uniform(0.0, 4.0)
            kept: list[Any] = []
            self._at(t - back, lambda: kept.append(self.server.remember()))
            self._at(t, lambda: self.server.forget(kept[0]))
        if self.control == "hub_clock" and self.random.random() < 0.5:
            t, by = self.random.uniform(5.0, 70.0), self.random.choice([-20.0, 3.0, 8.0, 60.0])
            self._at(t, lambda: setattr(self, "jump", by))

    def _plan_releases(self) -> None:
        """Plan releases: first stop using the leases, then release them at the hub, in a later
        turn."""
        for _ in range(self.random.randrange(6)):
            t = self.random.uniform(8.0, SECONDS - 10.0)
            for replica in self.replicas:
                self._at(t, partial(self._release, replica))

    def _release(self, r: Replica) -> None:
        mine = sorted(r.believes(self.now) & r.membership.tokens.keys())
        if r.acts_at(self.now) > self.now or r.is_dead(self.now) or not mine:
            return
        r.membership.leaving[mine[0]] = r.membership.tokens.pop(mine[0])

    def _boot(self, replica: Replica, t: float) -> None:
        current = replica.incarnation
        self._at(t, lambda: self._turn(replica, current))
        self._at(t, lambda: self._witness(replica, current))

    def _witness(self, r: Replica, incarnation: int) -> None:
        """Ten times a second, check whether two members would make the same check."""
        t = self.now
        if r.incarnation != incarnation:
            return
        if (later := r.acts_at(t)) > t:
            self._at(later, lambda: self._witness(r, incarnation))
            return
        if mine := r.believes(t):
            self.checks += 1
            for other in self.replicas:
                awake = not other.is_dead(t) and other.acts_at(t) == t
                if other is not r and awake and mine & other.believes(t):
                    self.doubles.append((t, r.number, other.number))
        self._at(t + 0.1, lambda: self._witness(r, incarnation))

    def _turn(self, r: Replica, incarnation: int) -> None:
        if r.incarnation != incarnation:
            return
        if (later := r.acts_at(self.now)) > self.now:
            self._at(later, lambda: self._turn(r, incarnation))
            return
        self._events += 1
        turn, r.acted = self._events, False
        r.pending = turn
        sent, member, epoch = r.clock(self.now), r.membership.member, self.server.epoch
        r.membership.send_beat()
        if self._passes(r, "request"):
            arrive = lambda: self._arrive(r, turn, epoch, sent, member)  # noqa: E731
            self._at(self.now + self._delay(), arrive)
        self._at(self.now + 3.0, lambda: self._give_up(r, incarnation, turn))

    def _give_up(self, r: Replica, incarnation: int, turn: int) -> None:
        if r.incarnation != incarnation or r.pending != turn:
            return
        if (later := r.acts_at(self.now)) > self.now:
            self._at(later, lambda: self._give_up(r, incarnation, turn))
            return
        r.pending = 0
        r.membership.unsure |= r.acted  # the requests may have been executed
        self._at(self.now + 0.5, lambda: self._turn(r, incarnation))

    def _arrive(self, r: Replica, turn: int, epoch: int, sent: float, member: str | None) -> None:
        if self._is_away() or self.server.epoch != epoch:
            return
        if member is None:
            origin = self._open(r)
            self._send_back(r, turn, lambda: self._ask_to_join(r, turn, epoch, origin))
            return
        answer = self.hub.beat(member)
        if answer is not None:
            self.expiry[answer.member] = self.now + self.jump + LEASE
        self._send_back(r, turn, lambda: self._take(r, turn, epoch, sent, member, answer))

    def _open(self, r: Replica) -> Origin:
        origin = self.hub.open_origin(r.profile, "file", 0)
        if self.control == "late_open":  # removes the member that has the file when it arrives
            for member in origin.predecessors:
                self.hub.leave(member)
        return origin

    def _ask_to_join(self, r: Replica, turn: int, epoch: int, origin: Origin) -> None:
        sent = r.clock(self.now)
        if self._passes(r, "request"):
            arrive = lambda: self._join(r, turn, epoch, sent, origin)  # noqa: E731
            self._at(self.now + self._delay(), arrive)

    def _join(self, r: Replica, turn: int, epoch: int, sent: float, origin: Origin) -> None:
        """Make it a member. It may have given up in the meantime, and be another member by now."""
        if self._is_away() or self.server.epoch != epoch:
            return
        answer = self.hub.join(r.profile, NAMES, origin.predecessors)
        self.expiry[answer.member] = self.now + self.jump + LEASE
        self._send_back(r, turn, lambda: self._take(r, turn, epoch, sent, None, answer))

    def _take(
        self,
        r: Replica,
        turn: int,
        epoch: int,
        sent: float,
        member: str | None,
        answer: Beat | None,
    ) -> None:
        now = r.clock(self.now)
        if member is None:
            assert answer is not None
            step = r.membership.take_join(answer, sent, now)
        else:
            step = r.membership.take_beat(answer, sent, now)
        if step.lost:
            r.pending = 0
            self._at(self.now + 0.01, partial(self._turn, r, r.incarnation))
            return
        r.acted = bool(step.release or step.carry or step.claim or step.settle)
        released = {name: r.membership.leaving[name] for name in step.release}
        if self._passes(r, "request"):
            act = lambda: self._second(r, turn, epoch, step, released)  # noqa: E731
            self._at(self.now + self._delay(), act)

    def _second(
        self, r: Replica, turn: int, epoch: int, step: Step, released: dict[str, int]
    ) -> None:
        """Remove dead members and claim leases. A member that died since may have sent this
        before."""
        if self._is_away() or self.server.epoch != epoch:
            return
        for corpse, beat in self._corpses(step):
            if self.control in {"no_comparison", "hub_clock"}:
                self.hub.leave(corpse)
            else:
                self.hub.bury(corpse, beat)
        won: dict[str, int] = {}
        member, start = r.membership.member, str(self.server.epoch)
        if member is None:
            return
        held = self.hub.held(member) if step.settle else None
        self.hub.release(member, released)
        for names, most in ((step.carry, len(step.carry)), (NAMES, step.claim)):
            won |= self.hub.claim(member, names, most, start, herald=False)
        self._send_back(r, turn, lambda: self._end(r, member, won, held, released))

    def _corpses(self, step: Step) -> Iterator[tuple[str, int]]:
        if self.control != "hub_clock":
            yield from step.bury
            return
        now = self.now + self.jump
        yield from ((m, 0) for m, end in self.expiry.items() if end < now)

    def _end(
        self,
        r: Replica,
        member: str,
        won: dict[str, int],
        held: Mapping[str, int] | None,
        released: Collection[str],
    ) -> None:
        if r.membership.member == member:
            lost = "" if held is None else r.membership.settle(held)
            if not lost:
                r.membership.released(released)
                r.membership.win(won)
        r.pending = 0
        self._at(self.now + BEAT / r.rate, partial(self._turn, r, r.incarnation))

    def _send_back(self, r: Replica, turn: int, act: Callable[[], None]) -> None:
        incarnation = r.incarnation

        def deliver() -> None:
            if r.incarnation != incarnation or r.pending != turn:
                return
            if (later := r.acts_at(self.now)) > self.now:
                self._at(later, deliver)
            else:
                act()

        if self._passes(r, "answer"):
            self._at(self.now + self._delay(), deliver)

    def _delay(self) -> float:
        """Return the seconds in transit: some arrive long after their sender gave up."""
        kept = self.random.uniform(0.0, 15.0) if self.random.random() < KEPT_SHARE else 0.0
        return kept + self.random.expovariate(1 / self.slow)

    def _is_away(self) -> bool:
        return any(begin <= self.now < end for begin, end in self.away)

    def _passes(self, r: Replica, way: str) -> bool:
        return not any(
            number == r.number and begin <= self.now < end and lost in {way, "both"}
            for number, (begin, end), lost in self.lost
        )


def runs_with_doubles(seeds: range, control: str = "") -> list[int]:
    """Return the seeds of the runs in which two members held a lease at once."""
    return [seed for seed in seeds if Run(seed, control).execute()]
