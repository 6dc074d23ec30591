"""The state machine with two alert targets: what is sent, whatever happens to the tracker.

The database is kept: without it earlier messages are unknown, and repeating them is right.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from unittest.mock import patch

import attrs
import trio
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tracker.alerts.targets import Sender
from tracker.core.incidents import Delivery, MessageKind
from tracker.core.redaction import Secret
from tracker.core.settings import AlertSettings, AlertTarget, Config
from tracker.testing.machine import TrackerMachine, names, spans
from tracker.testing.provider_behavior import ProviderBehavior

PAGE = ("nothing_usable", "key", "network", "provider")
TARGETS = ("json 1", "json 2")
REMINDER_HOURS = 0.25  # as often as may be: an hour of this machine is hundreds of checks
receivers = st.sampled_from(TARGETS)


@attrs.define(eq=False)
class Receivers:
    """Receivers. refusing: they refuse messages. deaf: they accept them, but never answer."""

    heard: list[Delivery] = attrs.field(factory=list)
    refusing: set[str] = attrs.field(factory=set)
    deaf: set[str] = attrs.field(factory=set)

    async def take(self, target: AlertTarget, delivery: Delivery) -> str:
        await trio.lowlevel.checkpoint()
        if target.name in self.refusing:
            return "it answered 500"
        self.heard.append(delivery)
        if target.name in self.deaf:
            await trio.sleep_forever()
        return ""


class AlertMachine(TrackerMachine):
    """A tracker killed and restarted at any time, also between sending and recording a message."""

    the_database_goes = None
    the_database_comes_back = None
    the_database_is_deleted = None
    the_wall_clock_jumps = None
    an_operator_reloads = None

    def __init__(self) -> None:
        self.receivers = Receivers()
        told = self.receivers

        async def send(_: object, to: AlertTarget, what: Delivery, *_more: object) -> str:
            return await told.take(to, what)

        self.patched = patch.object(Sender, "send", send)
        self.patched.start()
        self.may_repeat = False
        super().__init__()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.patched.stop()

    def configuration(
        self,
        watched: Sequence[str],
        offers: Mapping[str, Sequence[str]] = MappingProxyType({}),
        completions_per_day: int = 1_000,
    ) -> Config:
        url = Secret("json://127.0.0.1:9")
        found = tuple(AlertTarget(name=name, url=url) for name in TARGETS)
        alerts = AlertSettings(targets=found, reminder_hours=REMINDER_HOURS, page=PAGE)
        return attrs.evolve(
            super().configuration(watched, offers, completions_per_day), alerts=alerts
        )

    @rule(to=receivers)
    def a_target_refuses(self, to: str) -> None:
        self.receivers.refusing.add(to)

    @rule(to=receivers)
    def a_target_takes_again(self, to: str) -> None:
        self.receivers.refusing.discard(to)

    @rule(seconds=spans)
    def everybody_fails(self, seconds: float) -> None:
        for check in self.world.checks.values():
            check.mood = ProviderBehavior.SERVER_ERROR
        self.time_passes(seconds)

    @rule(seconds=spans)
    def everybody_is_well(self, seconds: float) -> None:
        for check in self.world.checks.values():
            check.mood = ProviderBehavior.OK
        self.time_passes(seconds)

    @rule()
    def it_is_killed_between_sending_and_noting(self) -> None:
        self.receivers.deaf = set(TARGETS)
        self.everybody_fails(600.0)
        self.receivers.deaf = set()
        self.may_repeat = True
        self.world.kill()
        self._begin_again(1.0)
        self.time_passes(60.0)

    @rule(name=names, minutes=st.sampled_from((0.0, 10.0)))
    def an_operator_mutes(self, name: str, minutes: float) -> None:
        if name in self.world.oracles:
            self.world.do(partial(self.world.tracker.incidents.mute, name, minutes))

    @rule()
    def an_operator_acknowledges(self) -> None:
        for incident in self.world.tracker.snapshot.incidents.incidents:
            self.world.do(partial(self.world.tracker.incidents.acknowledge, incident.id, "anna"))

    @rule()
    def reminders_come_due(self) -> None:
        self.time_passes(2 * REMINDER_HOURS * 3600.0)

    @invariant()
    def nothing_is_told_twice_with_another_key(self) -> None:
        for target in TARGETS:
            told: dict[tuple[MessageKind, str], str] = {}
            for each in self._heard(target):
                if each.kind is MessageKind.REMINDER:
                    continue
                for incident in each.incidents:
                    known = told.setdefault((each.kind, incident), each.key)
                    assert known == each.key, f"{incident} is {each.kind} as {known} and {each.key}"

    @invariant()
    def nothing_comes_twice_without_a_kill(self) -> None:
        if not self.may_repeat:
            heard = [(each.target, each.key) for each in self.receivers.heard]
            assert len(heard) == len(set(heard)), heard

    @invariant()
    def no_end_is_told_before_its_opening(self) -> None:
        for target in TARGETS:
            opened: set[str] = set()
            for each in self._heard(target):
                if each.kind is MessageKind.OPENED:
                    opened |= set(each.incidents)
                else:
                    assert opened.intersection(each.incidents), f"{each.key} follows nothing"

    def _heard(self, target: str) -> list[Delivery]:
        return [each for each in self.receivers.heard if each.target == target]
