"""The alert policy as a state machine: which target gets which message when, on virtual time.

The whole tracker with its database is in ``alert_machine``. This machine has no checks, so that
hours and their reminders pass in milliseconds; every rule of the policy is an invariant.
"""

from datetime import datetime, timedelta
from itertools import pairwise

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.helpers.alert_scenario import STEP, Scenario, config_of
from tracker.alerts.incidents import FLAPPING_CHANGES, FLAPPING_WINDOW, QUIET
from tracker.alerts.outbox import GIVEN_UP_AFTER, LONGEST_RETRY
from tracker.alerts.policy import GROUP_WAIT, START_GRACE
from tracker.core.incidents import Cause, Delivery, Incident, MessageKind

NAMES = ("a", "b", "c")
REMINDER = timedelta(hours=1)
PAGES = (("nothing_usable", "provider"), ("provider",), ("nothing_usable",))
names = st.sampled_from(NAMES)
LONG = timedelta(minutes=10)
VERY_LONG = timedelta(hours=1)
SLACK = 120 * STEP  # twice the longest step
PATIENCE = LONGEST_RETRY + SLACK
TARGETS = {"webhook 1", "json 1"}


@attrs.frozen
class Told:
    """A message as it was created, with the providers that were usable and muted then."""

    delivery: Delivery
    incidents: tuple[Incident, ...]
    usable: frozenset[str]
    muted: frozenset[str]
    started: datetime  # the process that created it


class PolicyMachine(RuleBasedStateMachine):
    """Time passes, providers come and go, people mute and acknowledge, the process restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.scenario = Scenario(config_of(*NAMES, reminder_hours=1))
        self.started = self.scenario.now
        self.told: dict[tuple[str, str], Told] = {}
        self.taking_since: dict[str, datetime] = {}

    @initialize(page=st.sampled_from(PAGES))
    def somebody_says_what_pages(self, page: tuple[str, ...]) -> None:
        self.page = page
        self.scenario = Scenario(config_of(*NAMES, page=page, reminder_hours=1))
        self.started = self.scenario.now
        self.taking_since = dict.fromkeys(TARGETS, self.started)
        self.time_passes(STEP)

    @rule(seconds=st.sampled_from([5, 20, 40, 150, 400, 2000, 8000]))
    def some_time_passes(self, seconds: int) -> None:
        self.time_passes(timedelta(seconds=seconds))

    @rule(name=names)
    def one_fails(self, name: str) -> None:
        self.scenario.down.setdefault(name, self.scenario.now)
        self.time_passes(STEP)

    @rule(name=names)
    def one_recovers(self, name: str) -> None:
        self.scenario.down.pop(name, None)
        self.time_passes(STEP)

    @rule(seconds=st.sampled_from([5, 60, 400]))
    def all_fail(self, seconds: int) -> None:
        for name in NAMES:
            self.scenario.down.setdefault(name, self.scenario.now)
        self.time_passes(timedelta(seconds=seconds))

    @rule(seconds=st.sampled_from([5, 60, 400]))
    def all_recover(self, seconds: int) -> None:
        self.scenario.down.clear()
        self.time_passes(timedelta(seconds=seconds))

    @rule(times=st.integers(2, 5), seconds=st.sampled_from([40, 300, 900]))
    def all_come_and_go(self, times: int, seconds: int) -> None:
        for _ in range(times):
            self.all_fail(seconds)
            self.all_recover(seconds)

    @rule(name=names, minutes=st.sampled_from([0, 10, 120]))
    def somebody_mutes(self, name: str, minutes: int) -> None:
        self.scenario.keep(self.scenario.state.mute(name, minutes, self.scenario.now))

    @rule()
    def somebody_acknowledges_all(self) -> None:
        for incident in self.scenario.state.book.open.values():
            self.scenario.keep(self.scenario.state.acknowledge(incident.id, "anna"))

    @rule()
    def the_process_starts_again(self) -> None:
        self.scenario.restart()
        self.started = self.scenario.now
        self.time_passes(STEP)

    @rule(target_name=st.sampled_from(sorted(TARGETS)), takes=st.booleans())
    def a_target_refuses_or_takes(self, target_name: str, takes: bool) -> None:
        change = self.scenario.refusing.discard if takes else self.scenario.refusing.add
        change(target_name)
        if not takes:
            self.taking_since.pop(target_name, None)
        else:
            self.taking_since.setdefault(target_name, self.scenario.now)

    @rule(target_name=st.sampled_from(sorted(TARGETS)), hours=st.sampled_from([0, 2, 26]))
    def a_target_misses_an_outage(self, target_name: str, hours: int) -> None:
        """Let a target refuse messages until after the end; an opening is given up after a day."""
        self.a_target_refuses_or_takes(target_name, takes=False)
        self.all_fail(400)
        self.time_passes(timedelta(hours=hours))
        self.all_recover(60)
        self.a_target_refuses_or_takes(target_name, takes=True)
        self.time_passes(LONG)

    @rule(name=names)
    def one_is_muted_in_an_outage(self, name: str) -> None:
        self.somebody_mutes(name, 120)
        self.all_fail(400)

    def time_passes(self, span: timedelta) -> None:
        end, step = self.scenario.now + span, _step_of(span)
        while self.scenario.now < end:
            self.scenario.now += step
            now, mutes = self.scenario.now, self.scenario.state.mutes
            muted = frozenset(name for name, until in mutes.items() if until > now)
            self.scenario.step()
            self._note(muted)

    def _note(self, muted: frozenset[str]) -> None:
        usable = frozenset(NAMES) - frozenset(self.scenario.down)
        book = self.scenario.state.book
        for row in self.scenario.state.outbox:
            if (row.key, row.target) not in self.told:
                found = (book.by_id().get(each) for each in row.incidents)
                incidents = tuple(each for each in found if each is not None)
                about = Told(row, incidents, usable, muted, self.started)
                self.told[row.key, row.target] = about

    def _made(self, kind: MessageKind) -> list[Told]:
        return [each for each in self.told.values() if each.delivery.kind is kind]

    @invariant()
    def only_what_pages_is_told(self) -> None:
        for each in self.told.values():
            assert each.incidents[0].cause.value in self.page

    @invariant()
    def an_opening_waits_for_others_of_its_cause(self) -> None:
        for each in self._made(MessageKind.OPENED):
            noticed = min(incident.noticed_at for incident in each.incidents)
            assert each.delivery.created_at - noticed >= GROUP_WAIT

    @invariant()
    def what_was_wrong_at_the_start_has_to_stay_so(self) -> None:
        for each in self._made(MessageKind.OPENED):
            first, started = each.incidents[0], each.started
            if first.opened_at <= started + STEP:
                assert each.delivery.created_at - started >= START_GRACE

    @invariant()
    def one_of_many_is_no_news_while_others_serve(self) -> None:
        for each in self._made(MessageKind.OPENED):
            if each.incidents[0].cause is Cause.PROVIDER:
                away = {incident.provider for incident in each.incidents}
                assert not each.usable - away

    @invariant()
    def nobody_is_told_of_what_is_muted(self) -> None:
        for each in self.told.values():
            assert not each.muted & {incident.provider for incident in each.incidents}

    @invariant()
    def nobody_is_reminded_of_what_somebody_took(self) -> None:
        for each in self._made(MessageKind.REMINDER):
            assert each.incidents[0].acknowledged_by is None

    @invariant()
    def reminders_keep_their_distance(self) -> None:
        said: dict[tuple[str, str], list[Delivery]] = {}
        for (_, target), each in self.told.items():
            if each.delivery.kind is not MessageKind.RESOLVED:
                said.setdefault((target, each.incidents[0].id), []).append(each.delivery)
        for rows in said.values():
            for before, after in pairwise(sorted(rows, key=lambda row: row.created_at)):
                assert after.created_at - before.created_at >= REMINDER

    @invariant()
    def an_end_is_told_only_where_its_opening_arrived(self) -> None:
        opened: dict[str, set[str]] = {}
        for target, key, kind in self.scenario.received:
            ids = set(self.told[key, target].delivery.incidents)
            if kind is MessageKind.OPENED:
                opened.setdefault(target, set()).update(ids)
            else:
                assert ids & opened.get(target, set())

    @invariant()
    def nothing_is_told_twice(self) -> None:
        heard = [(target, key) for target, key, _ in self.scenario.received]
        assert len(heard) == len(set(heard))
        for target in self.scenario.state.rules.targets:
            opened: set[str] = set()
            for name, key, kind in self.scenario.received:
                if (name, kind) == (target, MessageKind.OPENED):
                    ids = set(self.told[key, name].delivery.incidents)
                    assert not ids & opened
                    opened |= ids

    @invariant()
    def what_comes_and_goes_is_one_incident_until_it_is_quiet(self) -> None:
        by_key: dict[tuple[Cause, str], list[Incident]] = {}
        for incident in self.scenario.state.book.all():
            by_key.setdefault(incident.key, []).append(incident)
        for found in by_key.values():
            for before, after in pairwise(sorted(found, key=lambda each: each.noticed_at)):
                assert before.closed_at is not None
                assert after.opened_at >= before.closed_at
                if before.flapping:
                    assert after.noticed_at - before.changes[-1] >= QUIET
                else:
                    recent = [
                        at for at in before.changes if after.noticed_at - at <= FLAPPING_WINDOW
                    ]
                    assert len(recent) < FLAPPING_CHANGES

    @invariant()
    def everybody_is_told_that_nothing_is_usable(self) -> None:
        for incident in self.scenario.state.book.open.values():
            if incident.cause is not Cause.NOTHING_USABLE or incident.acknowledged_by:
                continue
            due = max(incident.noticed_at + GROUP_WAIT, self.started + START_GRACE + STEP)
            if "nothing_usable" in self.page and self.scenario.now >= due + SLACK:
                assert self._targets_told(MessageKind.OPENED, incident) == TARGETS

    @invariant()
    def an_unacknowledged_incident_is_repeated(self) -> None:
        """Require reminders for a target that got the opening, while no operator acknowledged."""
        for incident in self.scenario.state.book.open.values():
            if incident.cause is not Cause.NOTHING_USABLE or incident.acknowledged_by:
                continue
            for each in self._made(MessageKind.OPENED):
                heard = each.delivery
                delivered = self._delivered_at(heard)
                prompt = delivered is not None and delivered < heard.created_at + REMINDER
                due = heard.created_at + REMINDER + SLACK
                if incident.id in heard.incidents and prompt and self.scenario.now >= due:
                    assert heard.target in self._targets_told(MessageKind.REMINDER, incident)

    @invariant()
    def an_ended_incident_is_not_repeated(self) -> None:
        """Require no reminder of what is over; a flapping incident ends after a long quiet time."""
        for row in self._rows(MessageKind.REMINDER):
            incident = self.scenario.state.book.by_id().get(row.incidents[0])
            if incident is not None and incident.closed_at and row.delivered_at:
                late = QUIET + SLACK if incident.flapping else SLACK
                assert row.delivered_at < incident.closed_at + late

    @invariant()
    def the_end_of_what_was_told_is_told(self) -> None:
        for incident in self.scenario.state.book.closed:
            ended = incident.cause is Cause.NOTHING_USABLE and incident.closed_at
            if not ended or self.scenario.now < max(ended, self.started) + GROUP_WAIT + QUIET:
                continue
            told = self._targets_told(MessageKind.OPENED, incident)
            lost = (row for row in self._lost() if row.kind is MessageKind.OPENED)
            told -= {row.target for row in lost if incident.id in row.incidents}
            assert told <= self._targets_told(MessageKind.RESOLVED, incident)

    @invariant()
    def a_target_that_takes_messages_has_them_all(self) -> None:
        """Require that a target has all messages, except replaced reminders and those a day late.

        Ten minutes are the longest wait between two attempts.
        """
        lost = {(each.target, number) for each in self._lost() for number in each.incidents}
        for each in self.scenario.state.outbox:
            about = {(each.target, number) for number in each.incidents}
            if about & lost or each.kind is MessageKind.REMINDER:
                continue
            takes = self.taking_since.get(each.target)
            if takes is not None and self.scenario.now >= max(takes, each.created_at) + PATIENCE:
                assert each.delivered_at is not None

    def _rows(self, kind: MessageKind) -> list[Delivery]:
        return [each for each in self.scenario.state.outbox if each.kind is kind]

    def _lost(self) -> list[Delivery]:
        """Return the messages that were rightly given up."""
        given_up = (each for each in self.scenario.state.outbox if each.given_up)
        return [e for e in given_up if e.tried_at and e.tried_at - e.created_at >= GIVEN_UP_AFTER]

    def _targets_told(self, kind: MessageKind, incident: Incident) -> set[str]:
        rows = (each.delivery for each in self._made(kind))
        return {row.target for row in rows if incident.id in row.incidents}

    def _delivered_at(self, row: Delivery) -> datetime | None:
        now = (e for e in self.scenario.state.outbox if (e.key, e.target) == (row.key, row.target))
        return next((each.delivered_at for each in now), None)

    @invariant()
    def silence_ends_by_itself(self) -> None:
        for until in self.scenario.state.mutes.values():
            assert until > self.scenario.now


def _step_of(span: timedelta) -> timedelta:
    if span < LONG:
        return STEP
    return 6 * STEP if span < VERY_LONG else 60 * STEP
