"""Running one actor per provider: restarts crashed ones, adds and removes them at run time."""

from collections.abc import Generator, Iterator, Mapping
from datetime import datetime, timedelta

import attrs
import structlog
import trio

from tracker.core.backoff import Backoff
from tracker.core.outcomes import CheckResult
from tracker.core.settings import Provider
from tracker.core.slices import at_once
from tracker.runtime.actor import CheckActor
from tracker.runtime.actor_context import ActorContext
from tracker.runtime.mailbox import send
from tracker.runtime.messages import ActorCrashed, ActorMessage

log = structlog.get_logger()

EXAMINED_AT_ONCE = 500  # actors, about five milliseconds


@attrs.frozen(kw_only=True)
class ActorHealth:
    """state: "running", "restarting", "given up" or "switched off"."""

    state: str
    restarts: int = 0
    last_heartbeat: datetime | None = None
    overdue_seconds: float = 0.0


@attrs.define(eq=False)
class _SupervisedActor:
    """One actor under supervision."""

    actor: CheckActor
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    gone: trio.Event = attrs.field(factory=trio.Event)
    crashes: int = 0  # consecutive
    restarts: int = 0
    state: str = "running"
    wanted: trio.Event = attrs.field(factory=trio.Event)  # a check was requested before the restart


@attrs.define(eq=False)
class Supervisor:
    """Owns the actors of a tracker, which report to ``mailbox``. Not thread-safe.

    Every actor has its own cancel scope in ``nursery``, so stopping or losing one does not affect
    another. restarts: of all actors since this start, those that are gone included.
    """

    nursery: trio.Nursery
    mailbox: trio.MemorySendChannel[ActorMessage]
    shared: ActorContext
    backoff: Backoff = Backoff()
    restarts: int = 0
    _actors: dict[str, _SupervisedActor] = attrs.field(factory=dict)
    _off: set[str] = attrs.field(factory=set)

    def start(self, provider: Provider) -> None:
        """Watch a provider from now on; one that is switched off is only remembered."""
        if not provider.enabled:
            self._off.add(provider.name)
            return
        self._off.discard(provider.name)
        running = _SupervisedActor(CheckActor(provider, self.shared))
        self._actors[provider.name] = running
        self.shared.wakes.providers = len(self._actors)
        self.nursery.start_soon(self._supervise, running, name=f"actor {provider.name}")

    async def stop(self, name: str) -> None:
        """Stop watching it; returns when its actor is gone."""
        self._off.discard(name)
        await self._end(name)

    async def replace(self, provider: Provider) -> None:
        """Take new settings; a running actor goes on, so no check is lost or doubled."""
        running = self._actors.get(provider.name)
        if running is None or running.state == "given up" or not provider.enabled:
            if not provider.enabled:
                self._off.add(
                    provider.name
                )  # immediately: nobody may use its actor while that ends
            await self._end(provider.name)
            self.start(provider)
            return
        for plan in running.actor.update_settings(provider):
            await self.mailbox.send(plan)

    async def check(self, name: str, model: str | None = None) -> CheckResult | None:
        """Make one check of a provider or of one of its offers now.

        None when nobody can make it, also while its actor is restarting.

        An actor that was given up is tried again at once.
        """
        running = self._actors.get(name)
        if running is None or running.state == "restarting" or running.gone.is_set():
            return None
        running.wanted.set()
        return await running.actor.check_now(model)

    def request_check(self, name: str, model: str | None = None) -> bool:
        """Let it be checked soon, without waiting for it; see CheckActor.request_check."""
        running = self._actors.get(name)
        if running is None or running.state != "running":
            return False
        return running.actor.request_check(model)

    def change_budget(self, per_day: int) -> None:
        """Let checks spend so many completions a day; a larger budget is used at once."""
        budget = self.shared.budget
        before, budget.per_day = budget.per_day, per_day
        if per_day > before:
            for running in self._actors.values():
                running.actor.end_budget_wait()

    def resume(self, name: str, dues: Mapping[str | None, float | None]) -> None:
        """Let it be checked here from now on; see CheckActor.resume."""
        if (running := self._actors.get(name)) is not None:
            running.actor.resume(dues)

    def idle_seconds(self, name: str) -> float:
        """Return for how long no check of it has been in progress; 0 during one."""
        running = self._actors.get(name)
        if running is None:
            return float("inf")
        return 0.0 if running.actor.busy else trio.current_time() - running.actor.beat

    def health(self) -> Mapping[str, ActorHealth]:
        """Return what ``health_in_steps`` does, at once."""
        return at_once(self.health_in_steps())

    def health_in_steps(self) -> Generator[None, None, Mapping[str, ActorHealth]]:
        """Return each actor's state and crashes, those switched off included."""
        found = {name: ActorHealth(state="switched off") for name in self._off}
        now, wall = trio.current_time(), self.shared.clock.now()
        for number, (name, running) in enumerate(tuple(self._actors.items()), 1):
            found[name] = ActorHealth(
                state=running.state,
                restarts=running.restarts,
                last_heartbeat=wall - timedelta(seconds=now - running.actor.beat),
                overdue_seconds=_overdue(running, now),
            )
            if number % EXAMINED_AT_ONCE == 0:
                yield
                now, wall = trio.current_time(), self.shared.clock.now()
        return found

    def crashed(self) -> Iterator[tuple[str, str]]:
        """Yield the name and state of each actor that does not run because of a crash."""
        for name, running in self._actors.items():
            if running.state != "running":
                yield name, running.state

    def overdue(self) -> Mapping[str, float]:
        """Return the seconds by which actors have missed their plan, of those alone that have."""
        now = trio.current_time()
        late = ((name, _overdue(running, now)) for name, running in self._actors.items())
        return {name: seconds for name, seconds in late if seconds > 0.0}

    async def _end(self, name: str) -> None:
        running = self._actors.pop(name, None)
        self.shared.wakes.providers = len(self._actors)
        if running is not None:
            running.scope.cancel()
            await running.gone.wait()

    async def _supervise(self, running: _SupervisedActor) -> None:
        name = running.actor.provider.name
        try:
            with running.scope:
                while True:
                    began = trio.current_time()
                    try:
                        await running.actor.run(self.mailbox.clone())
                    except Exception as error:  # noqa: BLE001 (any bug of an actor is contained)
                        lived = trio.current_time() - began
                        await self._after_crash(running, error, lived)
        finally:
            running.actor.cancel_requests()
            running.gone.set()
            log.debug("actor ended", provider=name)

    async def _after_crash(self, running: _SupervisedActor, error: Exception, lived: float) -> None:
        name = running.actor.provider.name
        running.crashes = self.backoff.next_crash_count(running.crashes, lived=lived)
        spent = self.backoff.is_exhausted(running.crashes)
        running.state = "given up" if spent else "restarting"
        running.actor.cancel_requests()
        running.wanted = trio.Event()
        crash = ActorCrashed.of(name, error, count=running.crashes, spent=spent)
        await send(self.mailbox, crash)
        await self._wait_for_restart(running)
        running.restarts += 1
        self.restarts += 1
        running.state = "running"

    async def _wait_for_restart(self, running: _SupervisedActor) -> None:
        """Wait out the back-off; past the budget the longest one, or until a check is asked for."""
        if running.state != "given up":
            await trio.sleep(self.backoff.delay(running.crashes))
            return
        with trio.move_on_after(self.backoff.longest):
            await running.wanted.wait()


def _overdue(running: _SupervisedActor, now: float) -> float:
    return running.actor.overdue_at(now) if running.state == "running" else 0.0
