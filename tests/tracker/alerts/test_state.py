"""Which messages are sent, and how often, over whole outages on virtual time."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.alert_scenario import (
    START,
    Scenario,
    a_down_provider,
    config_of,
    snapshot_of,
)
from tests.helpers.idle_tracker import a_bare_provider, a_provider
from tracker.alerts.incidents import MOST_CLOSED
from tracker.alerts.rules import AlertRules
from tracker.alerts.state import AlertState
from tracker.core.incidents import Cause, Delivery, Incident, MessageKind, Stage
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.records import ChangeKind, ChangeRecord
from tracker.core.settings import MaintenanceWindow, Provider, WeeklyWindow

TEN = tuple(f"p{number}" for number in range(10))


def running(*names: str, **settings: Any) -> Scenario:
    """Long enough after the start that what is wrong is news."""
    scenario = Scenario(config_of(*names, **settings))
    scenario.passes(minutes=6)
    return scenario


def about(scenario: Scenario, subject: str) -> Incident:
    """The open incident about a provider."""
    shown = scenario.state.log().incidents
    return next(each for each in shown if each.subject == subject and each.closed_at is None)


def subjects(scenario: Scenario) -> list[str]:
    return [key[1] for key in scenario.state.book.open if key[0] is Cause.PROVIDER]


def test_one_outage_is_announced_once_repeated_and_resolved() -> None:
    scenario = running("a", reminder_hours=1)
    scenario.fail("a")
    scenario.passes(hours=2, minutes=30)
    scenario.recover()
    scenario.passes(minutes=2)
    assert scenario.kinds() == ["opened", "reminder", "reminder", "resolved"]
    assert scenario.kinds("json 1") == scenario.kinds()
    counts = scenario.state.counts
    assert (counts.sent, counts.repeated, counts.resolved) == (2, 4, 2)
    incident = scenario.state.book.closed[0]
    assert incident.opened_at == START + timedelta(minutes=6)
    assert {n.what for n in incident.notified} == {
        MessageKind.OPENED,
        MessageKind.REMINDER,
        MessageKind.RESOLVED,
    }


def test_one_provider_of_many_is_no_news_while_others_serve() -> None:
    scenario = running("a", "b")
    scenario.fail("a")
    scenario.passes(minutes=10)
    scenario.recover()
    scenario.passes(minutes=2)
    assert scenario.received == []
    assert scenario.state.counts.suppressed == 1


def test_a_provider_with_a_model_that_no_other_has_is_announced() -> None:
    config = config_of("a", "b")
    models = (attrs.evolve(config.providers[0], models=("rare-7b",)), config.providers[1])
    scenario = Scenario(attrs.evolve(config, providers=models))
    scenario.passes(minutes=6)
    scenario.fail("a")
    scenario.passes(minutes=1)
    assert scenario.titles == ["a is down"] * 2


def test_ten_at_once_are_one_message_and_so_is_their_end() -> None:
    scenario = running(*TEN)
    scenario.fail(*TEN)
    scenario.passes(minutes=2)
    scenario.recover()
    scenario.passes(minutes=2)
    assert scenario.kinds() == ["opened", "resolved"]
    assert scenario.titles[0] == "No provider is usable"
    assert len(scenario.state.book.closed) == 11


def test_three_providers_at_once_are_one_message_if_nothing_usable_is_not_announced() -> None:
    scenario = running(*TEN[:3], page=("provider",))
    scenario.fail(*TEN[:3])
    scenario.passes(minutes=2)
    assert scenario.titles == ["3 providers are down"] * 2


def test_two_providers_that_fail_within_the_window_are_two_messages() -> None:
    scenario = running("a", "b", page=("provider",))
    scenario.fail("a")
    scenario.passes(seconds=20)
    scenario.fail("b")
    scenario.passes(minutes=2)
    assert sorted(scenario.titles) == ["a is down"] * 2 + ["b is down"] * 2


def test_our_own_network_is_one_message_and_opens_nothing_else() -> None:
    scenario = running("a", "b", "c")
    scenario.changes["network_away"] = True
    scenario.passes(minutes=2)
    assert {each.cause for each in scenario.state.book.open.values()} == {Cause.NETWORK}
    scenario.changes["network_away"] = False
    scenario.passes(minutes=2)
    assert scenario.kinds() == ["opened", "resolved"]
    assert scenario.titles[0] == "Our network reaches no provider"


def test_a_short_outage_sends_no_message() -> None:
    scenario = running("a")
    scenario.fail("a")
    scenario.passes(seconds=15)
    scenario.recover()
    scenario.passes(minutes=2)
    assert scenario.received == []


def test_flapping_is_one_incident_until_half_an_hour_is_quiet() -> None:
    scenario = running("a", page=("provider",))
    for _ in range(10):
        scenario.fail("a")
        scenario.passes(minutes=1)
        scenario.recover()
        scenario.passes(minutes=1)
    assert scenario.kinds() == ["opened", "resolved", "opened"]
    incident = about(scenario, "a")
    assert incident.flapping
    scenario.passes(minutes=28)
    assert subjects(scenario) == ["a"]
    scenario.passes(minutes=3)
    assert subjects(scenario) == []
    assert scenario.kinds() == ["opened", "resolved", "opened", "resolved"]


def test_a_mute_silences_and_ends_by_itself() -> None:
    scenario = running("a", page=("provider",))
    scenario.keep(scenario.state.mute("a", 30, scenario.now))
    scenario.fail("a")
    scenario.passes(minutes=29)
    assert scenario.received == []
    incident = about(scenario, "a")
    assert incident.muted_until == START + timedelta(minutes=36)
    scenario.passes(minutes=3)
    assert scenario.kinds() == ["opened"]
    assert scenario.state.mutes == {}


def test_an_acknowledged_incident_is_not_repeated_but_the_next_is_announced() -> None:
    scenario = running("a", reminder_hours=1, page=("provider",))
    scenario.fail("a")
    scenario.passes(minutes=5)
    incident = about(scenario, "a")
    scenario.keep(scenario.state.acknowledge(incident.id, "anna"))
    scenario.passes(hours=3)
    scenario.recover()
    scenario.passes(hours=2)
    assert scenario.kinds() == ["opened", "resolved"]
    scenario.fail("a")
    scenario.passes(minutes=5)
    assert scenario.kinds() == ["opened", "resolved", "opened"]


def test_an_outage_at_the_start_is_announced_only_if_it_lasts() -> None:
    passing, staying = (Scenario(config_of("a", page=("provider",))) for _ in range(2))
    for scenario in (passing, staying):
        scenario.fail("a")
        scenario.passes(minutes=4)
        assert scenario.received == []
    passing.recover()
    for scenario in (passing, staying):
        scenario.passes(minutes=3)
    assert passing.received == []
    assert staying.kinds() == ["opened"]


def test_a_first_check_that_says_nothing_does_not_end_the_start() -> None:
    """Our own loop stalled, as it may while a process starts: the outage was there before."""
    scenario = Scenario(config_of("a", page=("provider",)))
    scenario.fail("a")
    scenario.changes["swept"] = False
    scenario.passes(seconds=5)
    scenario.changes["swept"] = True
    view = a_bare_provider("a", status=Status.UNKNOWN, outcome=OutcomeKind.INTERNAL)
    stalled = snapshot_of([view, a_provider("b")], scenario.now)
    scenario.keep(scenario.state.step(stalled, scenario.now))
    scenario.now += timedelta(seconds=10)
    scenario.down["a"] = scenario.now  # the first conclusive check
    scenario.passes(minutes=4)
    assert scenario.received == []
    scenario.passes(minutes=2)
    assert scenario.kinds() == ["opened"]


def test_an_outage_that_ended_and_returns_is_announced_again() -> None:
    """As when two vantages of three agree again: its first failed check is still the old one."""
    scenario = running("a", page=("provider",))
    scenario.fail("a")
    since = scenario.down["a"]
    scenario.passes(minutes=2)
    scenario.recover()
    scenario.passes(minutes=2)
    scenario.down["a"] = since
    scenario.passes(minutes=2)
    assert scenario.kinds() == ["opened", "resolved", "opened"]
    log = [each for each in scenario.state.log().incidents if each.subject == "a"]
    assert len({each.id for each in log}) == len(log) == 2
    again, before = log
    assert before.closed_at is not None
    assert again.opened_at >= before.closed_at


def test_our_own_stall_does_not_explain_an_outage() -> None:
    scenario = running("a", page=("provider",))
    scenario.fail("a")
    scenario.passes(minutes=1)
    message = "the tracker's event loop stalled for 0.3 s during the check"
    view = a_down_provider(
        "a", scenario.down["a"], outcome=OutcomeKind.INTERNAL, error_message=message
    )
    scenario.state.step(snapshot_of([view], scenario.now), scenario.now)
    assert about(scenario, "a").summary == "a is down: server error (503)"


@pytest.mark.parametrize("maintained", [("a",), ("a", "b")])
def test_nothing_usable_is_silenced_only_while_every_provider_is_in_maintenance(
    maintained: tuple[str, ...],
) -> None:
    window = MaintenanceWindow(providers=maintained, start=START, end=START + timedelta(hours=1))
    scenario = running("a", "b", maintenance=(window,))
    scenario.fail("a", "b")
    scenario.passes(minutes=10)
    all_of_it = maintained == ("a", "b")
    assert scenario.kinds() == ([] if all_of_it else ["opened"])
    assert bool(scenario.state.book.open) is not all_of_it


@pytest.mark.parametrize("targets", [(), ("webhook 1",)])
def test_a_target_added_later_gets_the_open_incidents(targets: tuple[str, ...]) -> None:
    scenario = running("a", targets=targets, page=("provider",))
    scenario.fail("a")
    scenario.passes(minutes=5)
    scenario.state.take_settings(config_of("a", page=("provider",)))
    scenario.passes(minutes=1)
    assert scenario.kinds() == ["opened"]


def test_maintenance_over_the_night_of_daylight_saving() -> None:
    """In Berlin 02:00 to 04:00 on 29 March 2026 is one hour: 01:00 to 02:00 UTC."""
    weekly = WeeklyWindow(
        days=frozenset({6}), start_minute=120, end_minute=240, timezone="Europe/Berlin"
    )
    window = MaintenanceWindow(providers=("a",), weekly=weekly)
    scenario = Scenario(config_of("a", "b", page=("provider",), maintenance=(window,)))
    scenario.now = datetime(2026, 3, 29, 0, 40, tzinfo=UTC)
    scenario.passes(minutes=15)
    scenario.fail("b")
    scenario.passes(minutes=10)  # 01:05: no other provider is usable, but a is in maintenance
    scenario.fail("a")
    scenario.passes(minutes=50)
    assert subjects(scenario) == ["b"]
    before = len(scenario.received)
    scenario.passes(minutes=10)
    assert scenario.now == datetime(2026, 3, 29, 2, 5, tzinfo=UTC)
    assert subjects(scenario) == ["b", "a"]
    assert scenario.titles[before:] == ["a is down"] * 2


def test_an_outage_from_before_maintenance_is_not_announced_again_after_it() -> None:
    window = MaintenanceWindow(
        start=START + timedelta(minutes=20), end=START + timedelta(minutes=60)
    )
    scenario = running("a", page=("provider",), maintenance=(window,))
    scenario.fail("a")
    scenario.passes(minutes=20)
    scenario.recover()
    scenario.passes(minutes=10)
    scenario.fail("a")
    scenario.passes(minutes=40)
    assert scenario.kinds() == ["opened"]
    scenario.recover()
    scenario.passes(minutes=2)
    assert scenario.kinds() == ["opened", "resolved"]


def test_a_target_that_fails_for_five_minutes_gets_everything_once_and_in_order() -> None:
    scenario = running("a", page=("provider",))
    scenario.refusing = {"json 1"}
    scenario.fail("a")
    scenario.passes(minutes=2)
    scenario.recover()
    scenario.passes(minutes=3)
    assert scenario.kinds("json 1") == []
    assert scenario.state.counts.failed > 3
    scenario.refusing.clear()
    scenario.passes(minutes=10)
    assert scenario.kinds("json 1") == scenario.kinds("webhook 1") == ["opened", "resolved"]


def test_a_target_unreachable_for_half_a_day_gets_at_most_one_reminder() -> None:
    scenario = Scenario(config_of("a", targets=("webhook 1",), reminder_hours=1))
    scenario.passes(minutes=1)
    scenario.fail("a")
    scenario.passes(minutes=2)
    scenario.refusing = {"webhook 1"}
    scenario.passes(hours=6)
    scenario.refusing.clear()
    scenario.passes(minutes=20)
    assert scenario.kinds() == ["opened", "reminder"]
    scenario.refusing = {"webhook 1"}
    scenario.passes(hours=6)
    scenario.recover("a")
    scenario.passes(minutes=2)
    scenario.refusing.clear()
    scenario.passes(minutes=20)
    assert scenario.kinds() == ["opened", "reminder", "resolved"]


def test_an_end_is_not_sent_if_the_opening_never_arrived() -> None:
    scenario = running("a", page=("provider",))
    scenario.refusing = {"json 1"}
    scenario.fail("a")
    scenario.passes(hours=25)
    scenario.recover()
    scenario.refusing.clear()
    scenario.passes(minutes=15)
    assert scenario.kinds("webhook 1")[-1] == "resolved"
    assert "resolved" not in scenario.kinds("json 1")


def test_a_kill_between_sending_and_noting_repeats_the_message_with_its_key() -> None:
    scenario = running("a", page=("provider",))
    scenario.fail("a")
    scenario.deaf = True
    scenario.passes(seconds=35)
    sent = len(scenario.received)
    assert sent > 0
    scenario.restart()
    scenario.passes(minutes=10)
    assert len(scenario.received) > sent
    assert len(scenario.keys()) == 1
    scenario.recover()
    scenario.passes(minutes=2)
    assert len(scenario.keys(MessageKind.RESOLVED)) == 1


def test_a_restart_during_an_outage_announces_nothing_twice() -> None:
    scenario = running("a", page=("provider",))
    scenario.fail("a")
    scenario.passes(minutes=5)
    scenario.restart()
    scenario.changes["swept"] = False
    scenario.passes(minutes=1)
    scenario.changes["swept"] = True
    scenario.passes(minutes=30)
    assert scenario.kinds() == ["opened"]
    scenario.recover()
    scenario.passes(minutes=2)
    assert scenario.kinds() == ["opened", "resolved"]


def test_a_provider_without_alerts_sends_no_message() -> None:
    config = config_of("a", page=("provider",))
    provider = attrs.evolve(config.providers[0], alerts=False)
    scenario = Scenario(attrs.evolve(config, providers=(provider,)))
    scenario.passes(minutes=6)
    scenario.fail("a")
    scenario.passes(minutes=10)
    assert scenario.received == []
    assert about(scenario, "a").stage is Stage.QUIET


def test_incidents_are_recorded_as_changes() -> None:
    scenario = running("a", page=())
    found: list[ChangeRecord] = []
    for wrong in (True, False):
        scenario.fail("a") if wrong else scenario.recover()
        records = scenario.state.step(scenario.snapshot(), scenario.now)
        found += [r for r in records if isinstance(r, ChangeRecord) and r.provider == "a"]
    assert [(r.kind, r.before, r.after) for r in found] == [
        (ChangeKind.INCIDENT, None, "provider"),
        (ChangeKind.INCIDENT, "provider", None),
    ]


def test_a_thousand_changes_a_minute_make_two_incidents_and_no_message() -> None:
    """A storm opens as many incidents as flapping needs to be known, and no more."""
    scenario = running("a", "b", page=("provider",))
    records, changes = 0, 1_000
    for number in range(changes):
        scenario.now += timedelta(milliseconds=60)
        scenario.fail("a") if number % 2 == 0 else scenario.recover()
        records += len(scenario.state.step(scenario.snapshot(), scenario.now))
    known = [each for each in scenario.state.log().incidents if each.subject == "a"]
    assert len(known) == 2
    assert scenario.received == []
    assert records <= changes + 2 * len(known)  # one a change, and opening and closing
    assert max(len(each.changes) for each in known) <= changes


actions = st.lists(
    st.one_of(
        st.tuples(st.just("fail"), st.sampled_from(TEN[:4])),
        st.tuples(st.just("recover"), st.sampled_from(TEN[:4])),
        st.tuples(st.just("mute"), st.sampled_from(TEN[:4])),
        st.tuples(st.just("refuse"), st.just("json 1")),
        st.tuples(st.just("take"), st.just("json 1")),
        st.tuples(st.just("kill"), st.just("")),
        st.tuples(st.just("wait"), st.sampled_from(["short", "long"])),
    ),
    max_size=25,
)


def act(scenario: Scenario, what: str, who: str) -> None:
    match what:
        case "fail":
            scenario.down.setdefault(who, scenario.now)
        case "recover":
            scenario.down.pop(who, None)
        case "mute":
            scenario.keep(scenario.state.mute(who, 10, scenario.now))
        case "refuse":
            scenario.refusing.add(who)
        case "take":
            scenario.refusing.discard(who)
        case "kill":
            scenario.restart()
    scenario.passes(minutes=20 if who == "long" else 1)


@given(actions)
def test_every_target_gets_each_event_once_and_no_end_before_its_opening(
    steps: list[tuple[str, str]],
) -> None:
    scenario = running(*TEN[:4], reminder_hours=1)
    for what, who in steps:
        act(scenario, what, who)
    scenario.refusing.clear()
    scenario.passes(minutes=25)
    heard = Counter((target, key) for target, key, _ in scenario.received)
    assert set(heard.values()) <= {1}  # no process was killed between sending and recording
    for target in scenario.state.rules.targets:
        opened = set[str]()
        for name, key, kind in scenario.received:
            row = next(r for r in scenario.state.outbox if (r.key, r.target) == (key, name))
            if name != target:
                continue
            if kind is MessageKind.OPENED:
                assert opened.isdisjoint(row.incidents), "an incident is opened once"
                opened |= set(row.incidents)
            else:
                assert opened.intersection(row.incidents), "nothing follows what was not opened"


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_openings_and_closings_alternate_and_a_present_outage_is_open(wrong: list[bool]) -> None:
    scenario = running("a", "b")
    for down in wrong:
        if down:
            scenario.down.setdefault("a", scenario.now)
        else:
            scenario.down.pop("a", None)
        scenario.passes(minutes=3)
        is_open = any(each.subject == "a" for each in scenario.state.book.open.values())
        assert is_open or not down
    for incident in scenario.state.book.closed:
        assert incident.closed_at is not None
        assert incident.opened_at <= incident.closed_at


@pytest.mark.parametrize("killed", [False, True], ids=["the same process", "a new process"])
@pytest.mark.parametrize("targets", [(), ("webhook 1",)], ids=["no targets", "a target"])
def test_more_incidents_than_are_remembered_that_end_at_once_are_all_closed_in_the_store(
    targets: tuple[str, ...], killed: bool
) -> None:
    names = tuple(f"p{number}" for number in range(MOST_CLOSED + 200))
    scenario = Scenario(config_of(*names, targets=targets))
    for minutes in (0, 6):
        scenario.now = START + timedelta(minutes=minutes)
        scenario.step()
    for names_down in (names, ()):  # all of them, and then none
        scenario.down = dict.fromkeys(names_down, scenario.now)
        scenario.step()
        scenario.now += timedelta(minutes=2)
        scenario.step()
        if killed:
            scenario.restart()
            scenario.step()
    rows = [row for row in scenario.stored.values() if isinstance(row, Incident)]
    assert {row.subject for row in rows} >= set(names)
    assert [row.subject for row in rows if row.closed_at is None] == []
    assert {row.stage for row in rows} == {Stage.DONE}
    assert len(scenario.state.book.closed) >= MOST_CLOSED
    scenario.now += timedelta(minutes=2)
    scenario.step()
    assert len(scenario.state.book.closed) == MOST_CLOSED


def test_removing_a_provider_ends_its_incident() -> None:
    scenario = running("a", "b")
    scenario.fail("a")
    scenario.passes(minutes=1)
    scenario.config = attrs.evolve(
        scenario.config, providers=(Provider(name="b", base_url="http://b.example"),)
    )
    scenario.state.take_settings(scenario.config)
    scenario.passes(minutes=1)
    assert not scenario.state.book.open


def calls_to_fail_and_recover(count: int, *, down: int, models: bool) -> int:
    """Return how many calls it takes when ``down`` of them fail at once; models: each has its own.

    Calls of Python and of C: they are the same on any machine, as busy as it may be.
    """
    names = tuple(f"p{number}" for number in range(count))
    config = config_of(*names)
    if models:
        own = (attrs.evolve(each, models=(f"{each.name}-rare",)) for each in config.providers)
        config = attrs.evolve(config, providers=tuple(own))
    state = AlertState(AlertRules(config))
    moments = [START + timedelta(minutes=minutes) for minutes in (0, 6, 7, 20)]
    well = [a_provider(name) for name in names]
    wrong = [*(a_down_provider(name, moments[1]) for name in names[:down]), *well[down:]]
    seen = [snapshot_of(*both) for both in zip((well, wrong, wrong, well), moments, strict=True)]
    state.step(seen[0], moments[0])
    with counted_calls() as calls:
        opened = state.step(seen[1], moments[1])
        told = state.step(seen[2], moments[2])
        closed = state.step(seen[3], moments[3])
    assert sum(isinstance(record, Incident) for record in opened) >= down
    assert sum(isinstance(record, Delivery) for record in told) == len(state.rules.targets)
    assert sum(isinstance(record, Incident) for record in closed) >= down
    return calls.total()


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    calls = Counter[str]()

    def note(_: object, event: str, __: object) -> None:
        calls[event] += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize(("share", "models"), [(1, False), (2, True)])
def test_ten_times_as_many_incidents_at_once_take_ten_times_as_many_calls(
    share: int, models: bool
) -> None:
    """All fail; or half of them, each the only one that serves its model, so each is news."""
    few, many = (
        calls_to_fail_and_recover(count, down=count // share, models=models)
        for count in (100, 1_000)
    )
    assert many <= 12.0 * few, (many, few)  # a search among all for each: a hundred
