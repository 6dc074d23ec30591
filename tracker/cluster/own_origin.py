"""Our database file at the hub: the name it has there, and a new one where that is another's."""

from collections.abc import Callable, Sequence
from functools import partial
from uuid import uuid4

import attrs
import structlog
import trio

from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Hub, Origin, Profile
from tracker.core.clock import Clock
from tracker.store import Store

log = structlog.get_logger()

RENAMED_SECONDS = 3600.0  # how long health says so: somebody may not have meant it


@attrs.define(eq=False)
class OwnOrigin:
    """``open`` makes our file known to the hub.

    file: says whose checks these are, on which machine; it is asked in a thread, once the file is
    there. known: the hub knows it. head: the last of our checks the hub has, as it said then.
    predecessors: members that had our file when it was opened.
    """

    caller: HubCaller
    profile: Profile
    store: Store
    file: Callable[[], str]
    clock: Clock = attrs.field(factory=Clock)
    head: int = 0
    predecessors: Sequence[str] = ()
    known: trio.Event = attrs.field(factory=trio.Event)
    _renamed: str = ""
    _renamed_at: float = float("-inf")

    @property
    def id(self) -> str:
        """Return the name of our file at the hub."""
        return self.profile.origin

    @property
    def vantage(self) -> str:
        """Return the vantage whose checks it holds."""
        return self.profile.vantage

    @property
    def lately_renamed(self) -> str:
        """Return why our file got a new name within the last hour, or nothing."""
        return self._renamed if self.clock.steady() - self._renamed_at < RENAMED_SECONDS else ""

    async def open(self) -> None:
        """Make our file known; take a new name where the old one is another's."""
        identity = await self.store.identity()
        self.profile = attrs.evolve(self.profile, origin=identity.origin)
        origin = await self._ask_origin(identity.last)
        if origin.other_vantage:
            why = f"this file belonged to vantage {origin.other_vantage}"
            await self._change_name(identity.last, why)
        elif origin.other_file:
            why = "this file is a copy, or was moved"
            await self._change_name(min(identity.last, origin.head), why)
        elif origin.head > identity.last:
            why = "the hub has later checks of this file: it is an old copy"
            await self._change_name(identity.last, why)
        else:
            self._note(origin)

    async def rename(self, start: int, reason: str) -> None:
        """Go on under a new name from the check after ``start``; unknown until it is there."""
        self.known = trio.Event()
        await self._change_name(start, reason)

    async def _change_name(self, start: int, reason: str) -> None:
        log.warning("continuing as a new database file in the cluster", reason=reason)
        self._renamed, self._renamed_at = reason, self.clock.steady()
        self.profile = attrs.evolve(self.profile, origin=str(uuid4()))
        origin = await self._ask_origin(start)
        await self.store.change_identity(self.profile.origin)
        self._note(origin)

    async def _ask_origin(self, start: int) -> Origin:
        """Ask for the hub's place.

        A file new to the hub begins at its first check, a copy at ``start``.
        """
        profile, identity = self.profile, await self.store.identity()
        file = await trio.to_thread.run_sync(self.file)
        known = identity.origin == profile.origin
        first = 0 if known else start
        return await self.caller.control(partial(_open, profile, file, first))

    def _note(self, origin: Origin) -> None:
        self.head, self.predecessors = origin.head, origin.predecessors
        self.known.set()


def _open(profile: Profile, file: str, first: int, hub: Hub) -> Origin:
    return hub.open_origin(profile, file, first)
