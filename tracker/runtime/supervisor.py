"""Keeps one actor a provider running: restarts what crashes, adds and removes at run time."""

from collections.abc import Mapping
from datetime import datetime

import attrs
import structlog
import trio

from tracker.core.backoff import Backoff
from tracker.core.outcomes import CheckResult
from tracker.core.settings import Provider
from tracker.runtime.actor import ActorContext, CheckActor
from tracker.runtime.messages import ActorCrashed, ActorMessage, CheckRescheduled

log = structlog.get_logger()


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
    crashes: int = 0  # in a row
    restarts: int = 0
    state: str = "running"


@attrs.define(eq=False)
class Supervisor:
    """Owns the actors of a tracker; ``mailbox`` is where they report. Not to be shared by threads.

    Every actor lives in a scope of its own in ``nursery``, so stopping or losing one does not
    touch another.
    """

    nursery: trio.Nursery
    mailbox: trio.MemorySendChannel[ActorMessage]
    shared: ActorContext
    backoff: Backoff = Backoff()
    _charges: dict[str, _SupervisedActor] = attrs.field(factory=dict)
    _off: set[str] = attrs.field(factory=set)

    def start(self, provider: Provider) -> None:
        """Watch a provider from now on; one that is switched off is only remembered."""
        if not provider.enabled:
            self._off.add(provider.name)
            return
        self._off.discard(provider.name)
        charge = _SupervisedActor(CheckActor(provider, self.shared))
        self._charges[provider.name] = charge
        self.nursery.start_soon(self._supervise, charge, name=f"actor {provider.name}")

    async def stop(self, name: str) -> None:
        """Stop watching it; returns when its actor is gone."""
        self._off.discard(name)
        await self._end(name)

    async def replace(self, provider: Provider) -> None:
        """Take new settings; a running actor goes on, so no check is lost or doubled."""
        charge = self._charges.get(provider.name)
        if charge is None or charge.state == "given up" or not provider.enabled:
            if not provider.enabled:
                self._off.add(provider.name)  # at once: while its actor ends nobody may ask it
            await self._end(provider.name)
            self.start(provider)
            return
        next_due = charge.actor.update_settings(provider)
        await self.mailbox.send(CheckRescheduled(provider=provider.name, next_due=next_due))

    async def check(self, name: str) -> CheckResult | None:
        """One check now; None when nobody can make it, also while its actor is restarting."""
        charge = self._charges.get(name)
        if charge is None or charge.state != "running" or charge.gone.is_set():
            return None
        return await charge.actor.check_now()

    def health(self) -> Mapping[str, ActorHealth]:
        off = {name: ActorHealth(state="switched off") for name in self._off}
        return off | {name: self._health_of(charge) for name, charge in self._charges.items()}

    def _health_of(self, charge: _SupervisedActor) -> ActorHealth:
        clock, actor = self.shared.clock, charge.actor
        beat = clock.now().timestamp() - (trio.current_time() - actor.beat)
        return ActorHealth(
            state=charge.state,
            restarts=charge.restarts,
            last_heartbeat=datetime.fromtimestamp(beat, tz=clock.now().tzinfo),
            overdue_seconds=actor.overdue if charge.state == "running" else 0.0,
        )

    async def _end(self, name: str) -> None:
        charge = self._charges.pop(name, None)
        if charge is not None:
            charge.scope.cancel()
            await charge.gone.wait()

    async def _supervise(self, charge: _SupervisedActor) -> None:
        name = charge.actor.provider.name
        try:
            with charge.scope:
                while True:
                    began = trio.current_time()
                    try:
                        await charge.actor.run(self.mailbox.clone())
                    except Exception as error:  # noqa: BLE001 (any bug of an actor is contained)
                        lived = trio.current_time() - began
                        await self._after_crash(charge, error, lived)
                    if charge.state == "given up":
                        return
        finally:
            charge.actor.release()
            charge.gone.set()
            log.debug("actor ended", provider=name)

    async def _after_crash(self, charge: _SupervisedActor, error: Exception, lived: float) -> None:
        name = charge.actor.provider.name
        charge.crashes = self.backoff.counted(charge.crashes, lived=lived)
        spent = self.backoff.spent(charge.crashes)
        charge.state = "given up" if spent else "restarting"
        charge.actor.release()
        crash = ActorCrashed.of(name, error, count=charge.crashes, spent=spent)
        await self.mailbox.send(crash)
        if not spent:
            await trio.sleep(self.backoff.delay(charge.crashes))
            charge.restarts += 1
            charge.state = "running"
