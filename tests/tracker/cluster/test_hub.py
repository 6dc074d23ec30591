"""Both hubs keep the same promises: the one in memory, and PostgreSQL."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from tracker.cluster.alert_rows import AlertWrite, EventRow, IncidentRow, VerdictRow
from tracker.cluster.hub import Fenced, Half, Hub, HubAway, Profile
from tracker.cluster.membership import HERALD
from tracker.cluster.parcels import Parcel, StateRow
from tracker.cluster.postgres import PostgresHub
from tracker.cluster.roll_ups import bucket_of
from tracker.core.records import CheckRow
from tracker.testing.hub import FakeHub
from tracker.testing.hub_server import FakeServer

A = Profile(vantage="eu-1", origin="aaaaaaaa-0000-4000-8000-000000000000")
B = Profile(vantage="eu-1", origin="bbbbbbbb-0000-4000-8000-000000000000")
FAR = Profile(vantage="us-1", origin="cccccccc-0000-4000-8000-000000000000")
MakeHub = Callable[[], Hub]


@pytest.fixture(
    params=["fake", pytest.param("postgres", marks=pytest.mark.needs_program("PostgreSQL"))]
)
def make_hub(request: pytest.FixtureRequest) -> Iterator[MakeHub]:
    opened: list[Hub] = []
    server = FakeServer()

    def make() -> Hub:
        if request.param == "fake":
            return FakeHub(server)
        opened.append(PostgresHub(request.getfixturevalue("hub_url")))
        return opened[-1]

    yield make
    for hub in opened:
        hub.close()


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    hub = make_hub()
    for who in (A, B, FAR):
        hub.open_origin(who, f"file of {who.origin}", 0)
    return hub


def check(seq: int, **changes: object) -> CheckRow:
    row = CheckRow(
        provider="groq",
        at=datetime.now(UTC).replace(microsecond=123000),
        seq=seq,
        model=None,
        status="healthy",
        outcome="ok",
        response_time_ms=0.1 + 0.2,
        ttft_ms=None,
        interval_seconds=300.0,
        http_status=200,
        error_message="",
        consecutive_failures=0,
        rate_limit_percent=12.345678901234567,
        completions=0,
    )
    return attrs.evolve(row, **changes)


def state(seq: int, **changes: object) -> StateRow:
    row = StateRow(
        provider="groq",
        model=None,
        seq=seq,
        age=1.0,
        due_in=299.0,
        fresh_for=1199.0,
        status="healthy",
        reason="last check ok",
        state='{"a": 1}',
        models=("llama", "gpt"),
    )
    return attrs.evolve(row, **changes)


def parcel(who: Profile, *rows: CheckRow, head: int = 0, **changes: object) -> Parcel:
    last = max((row.seq for row in rows), default=head)
    return attrs.evolve(Parcel(origin=who.origin, head=head, last=last, rows=rows), **changes)


def test_a_heartbeat_is_counted_and_returns_every_member(hub: Hub) -> None:
    one, two = hub.join(A, ["groq"]), hub.join(FAR, ["groq"])
    beat = hub.beat(one.member)
    assert beat is not None
    assert (beat.beat, beat.epoch, beat.peers) == (1, one.epoch, {one.member})
    assert beat.beats == {one.member: 1, two.member: 0}
    assert beat.origins == {one.member: A.origin, two.member: FAR.origin}


def test_a_cut_that_comes_after_the_call_leaves_the_next_one_whole(hub: Hub) -> None:
    """A tracker that stops cuts its calls, ships what is left and gives its leases back."""
    one = hub.join(A, ["groq"])
    assert hub.claim(one.member, ["groq"], 1, one.epoch, herald=False)
    for half in Half:
        hub.cut(half)
    assert hub.ship(parcel(A, check(1))).accepted
    hub.leave(one.member)
    assert hub.members() == []


def test_a_lease_has_one_holder_and_a_token_that_grows(hub: Hub) -> None:
    one, two = hub.join(A, ["groq", "mistral"]), hub.join(B, ["groq", "mistral"])
    assert hub.claim(one.member, ["groq", "mistral"], 1, one.epoch, herald=False) == {"groq": 1}
    assert hub.claim(two.member, ["groq", "mistral"], 5, two.epoch, herald=False) == {"mistral": 1}
    hub.release(one.member, {"groq": 7, "mistral": 1})
    assert hub.held(one.member) == {"groq": 1}, "another token, and another's lease"
    hub.release(one.member, {"groq": 1})
    assert hub.claim(two.member, ["groq", "mistral"], 5, two.epoch, herald=False) == {"groq": 2}
    beat = hub.beat(two.member)
    assert beat is not None
    assert (beat.held, beat.tokens) == (2, 3)
    assert hub.held(two.member) == {"groq": 2, "mistral": 1}


def test_another_vantage_has_leases_of_its_own(hub: Hub) -> None:
    one, far = hub.join(A, ["groq"]), hub.join(FAR, ["groq"])
    assert hub.claim(one.member, ["groq"], 9, one.epoch, herald=False) == {"groq": 1}
    assert hub.claim(far.member, ["groq"], 9, far.epoch, herald=False) == {"groq": 1}


def test_there_is_one_herald_among_all_vantages(hub: Hub) -> None:
    one, far = hub.join(A, []), hub.join(FAR, [])
    assert hub.claim(one.member, [], 0, one.epoch, herald=True) == {HERALD: 1}
    assert hub.claim(far.member, [], 0, far.epoch, herald=True) == {}


def test_nothing_can_be_claimed_from_a_restarted_server_at_first(hub: Hub) -> None:
    one = hub.join(A, ["groq"])
    assert hub.claim(one.member, ["groq"], 9, "an earlier start", herald=True) == {}


def test_a_member_is_removed_only_if_its_heartbeat_did_not_advance(hub: Hub) -> None:
    one, two = hub.join(A, ["groq"]), hub.join(B, ["groq"])
    hub.claim(one.member, ["groq"], 1, one.epoch, herald=False)
    hub.beat(one.member)
    assert not hub.bury(one.member, 0)
    assert hub.bury(one.member, 1)
    assert hub.beat(one.member) is None
    assert hub.claim(two.member, ["groq"], 1, two.epoch, herald=False) == {"groq": 2}


def test_leaving_releases_the_leases(hub: Hub) -> None:
    one, two = hub.join(A, ["groq"]), hub.join(B, ["groq"])
    hub.claim(one.member, ["groq"], 1, one.epoch, herald=True)
    hub.leave(one.member)
    won = hub.claim(two.member, ["groq"], 1, two.epoch, herald=True)
    assert won == {"groq": 2, HERALD: 2}


def test_members_are_shown_with_their_shares(hub: Hub) -> None:
    one = hub.join(attrs.evolve(A, url="http://one", version="9"), ["groq", "mistral"])
    assert hub.members()[0].round_trip_ms is None
    hub.beat(one.member, 1.5)
    hub.claim(one.member, ["groq", "mistral"], 2, one.epoch, herald=True)
    (shown,) = hub.members()
    assert (shown.vantage, shown.url, shown.version, shown.leases) == ("eu-1", "http://one", "9", 2)
    assert shown.round_trip_ms == 1.5


def test_a_sibling_reads_what_was_shipped_exactly_as_it_was(hub: Hub) -> None:
    rows = [check(1), check(2, model="llama", outcome="timeout", http_status=None)]
    assert hub.ship(parcel(A, *rows, states=[state(2)])).head == 2
    news = hub.news("eu-1", B.origin, {}, 100)
    (found,) = news.checks
    assert (found.origin, list(found.rows), news.cursors, news.more) == (
        *(A.origin, rows, {A.origin: 2}),
        False,
    )
    (seen,) = news.states
    assert seen.age == pytest.approx(1.0, abs=5.0)
    assert seen.due_in == pytest.approx(299.0, abs=5.0)
    assert seen.fresh_for == pytest.approx(1199.0, abs=5.0)
    assert (seen.vantage, seen.models, seen.state) == ("eu-1", ("llama", "gpt"), '{"a": 1}')


def test_another_vantage_reads_states_alone(hub: Hub) -> None:
    hub.ship(parcel(A, check(1), states=[state(1)]))
    news = hub.news("us-1", FAR.origin, {}, 100)
    assert (news.checks, [s.provider for s in news.states]) == ([], ["groq"])
    again = hub.news("us-1", FAR.origin, news.cursors, 100)
    assert (again.checks, again.states) == ([], [])


def test_a_member_does_not_read_its_own_results(hub: Hub) -> None:
    hub.ship(parcel(A, check(1), states=[state(1)]))
    news = hub.news("eu-1", A.origin, {}, 100)
    assert (news.checks, news.states) == ([], [])


def test_a_batch_that_does_not_continue_the_hubs_rows_is_refused_as_a_whole(hub: Hub) -> None:
    hub.ship(parcel(A, check(1)))
    again = hub.ship(parcel(A, check(1), check(2)))
    assert (again.accepted, again.head) == (False, 1)
    assert [r.seq for s in hub.news("eu-1", B.origin, {}, 9).checks for r in s.rows] == [1]


def test_many_rows_are_read_in_portions_that_skip_nothing(hub: Hub) -> None:
    hub.ship(parcel(A, *(check(n) for n in range(1, 8))))
    hub.ship(parcel(FAR, *(check(n) for n in range(1, 4))))
    read, cursors, more = [], {}, True
    while more:
        news = hub.news("eu-1", B.origin, cursors, 3)
        read += [row.seq for each in news.checks for row in each.rows]
        cursors, more = dict(news.cursors), news.more
    assert read == [1, 2, 3, 4, 5, 6, 7]


def test_a_row_that_cannot_be_kept_is_left_out_alone(hub: Hub) -> None:
    far = datetime(2099, 1, 1, tzinfo=UTC)
    nul = check(3, error_message="a\0b")
    shipped = hub.ship(parcel(A, check(1), check(2, at=far), nul, check(4)))
    assert (shipped.head, shipped.skipped) == (4, 1)
    (found,) = hub.news("eu-1", B.origin, {}, 9).checks
    assert [row.seq for row in found.rows] == [1, 3, 4]
    assert found.rows[1].error_message == "a\ufffdb"


def test_the_newest_evidence_of_a_vantage_counts(hub: Hub) -> None:
    hub.ship(parcel(A, check(1), states=[state(1, age=5.0, status="down")]))
    hub.ship(parcel(B, check(1), states=[state(1, age=60.0, status="healthy", models=None)]))
    assert [s.status for s in hub.news("us-1", FAR.origin, {}, 9).states] == ["down"]
    hub.ship(parcel(B, check(2), head=1, states=[state(2, age=0.0, models=None)]))
    (newest,) = hub.news("us-1", FAR.origin, {}, 9).states
    assert (newest.status, newest.models) == ("healthy", ("llama", "gpt"))


def test_a_copied_file_and_a_changed_vantage_are_noticed(hub: Hub) -> None:
    hub.ship(parcel(A, check(1)))
    ours = hub.open_origin(A, f"file of {A.origin}", 9)
    assert (ours.head, ours.other_vantage, ours.other_file) == (1, "", False)
    assert hub.open_origin(A, "a copy", 0).other_file
    moved = attrs.evolve(A, vantage="us-1")
    assert hub.open_origin(moved, f"file of {A.origin}", 0).other_vantage == "eu-1"


def test_a_new_file_begins_where_it_says(hub: Hub) -> None:
    copy = attrs.evolve(A, origin="eeeeeeee-0000-4000-8000-000000000000")
    assert hub.open_origin(copy, "a copy", 41).head == 41


def test_a_member_that_joins_again_replaces_only_itself(hub: Hub) -> None:
    one, two = hub.join(A, ["groq"]), hub.join(B, ["groq"])
    hub.claim(one.member, ["groq"], 1, one.epoch, herald=False)
    assert list(hub.open_origin(A, "a copy", 0).predecessors) == []
    found = hub.open_origin(A, f"file of {A.origin}", 0).predecessors
    assert list(found) == [one.member]
    assert hub.beat(one.member) is not None, "opening alone removes nobody"
    again = hub.join(A, ["groq"], found)
    assert (hub.beat(one.member), again.peers) == (None, {again.member, two.member})
    assert hub.beat(two.member) is not None
    assert hub.claim(two.member, ["groq"], 1, two.epoch, herald=False) == {"groq": 2}


def test_what_arrives_late_removes_no_member_that_came_after_it(hub: Hub) -> None:
    file = f"file of {A.origin}"
    first = hub.join(A, ["groq"])
    given_up = hub.open_origin(A, file, 0).predecessors
    living = hub.join(A, ["groq"], hub.open_origin(A, file, 0).predecessors)
    won = hub.claim(living.member, ["groq"], 1, living.epoch, herald=True)
    late = hub.join(A, ["groq"], given_up)
    assert hub.beat(first.member) is None
    beat = hub.beat(living.member)
    assert beat is not None
    assert (beat.held, hub.held(living.member)) == (2, won)
    assert beat.peers == {living.member, late.member}
    assert set(beat.origins.values()) == {A.origin}, "one tracker in all that is shared"


def test_alerts_are_written_only_under_the_lease(hub: Hub) -> None:
    one = hub.join(A, [])
    token = hub.claim(one.member, [], 0, one.epoch, herald=True)[HERALD]
    event = EventRow(
        key="groq:1", kind="status", provider="groq", before=None, after="down", reason="why"
    )
    verdict = VerdictRow(provider="groq", version=1, status="down", reason="why", age=7.0)
    incident = IncidentRow(id="i", incident='{"id": "i"}', closed_at=None)
    write = AlertWrite(incidents=[incident], events=[event], verdicts=[verdict])
    assert list(hub.write_alerts(one.member, token, write)) == ["groq:1"]
    assert list(hub.write_alerts(one.member, token, write)) == [], "an event exists once"
    assert list(hub.verdicts()) == [verdict]
    assert hub.verdicts()[0].age == pytest.approx(7.0, abs=5.0)
    hub.acknowledge("i", "ann")
    hub.write_alerts(one.member, token, attrs.evolve(write, events=[]))
    assert list(hub.alerts().incidents) == [('{"id": "i"}', "ann")]
    hub.leave(one.member)
    with pytest.raises(Fenced):
        hub.write_alerts(one.member, token, write)


def test_mutes_are_shared(hub: Hub) -> None:
    hub.mute("groq", 600.0)
    assert hub.alerts().mutes["groq"] == pytest.approx(600.0, abs=5.0)
    hub.mute("groq", 0.0)
    assert "groq" not in hub.alerts().mutes


def test_a_ranking_is_published_with_its_age(hub: Hub) -> None:
    hub.publish_ranking("eu-1", "first")
    hub.publish_ranking("eu-1", "second")
    (found,) = hub.rankings()
    assert (found.vantage, found.ranking) == ("eu-1", "second")
    assert found.age == pytest.approx(0.0, abs=5.0)


def test_a_hub_that_has_forgotten_an_origin_says_so(hub: Hub) -> None:
    stranger = attrs.evolve(A, origin="dddddddd-0000-4000-8000-000000000000")
    with pytest.raises(HubAway, match="no longer knows"):
        hub.ship(parcel(stranger, check(1)))


OLD = datetime(*(datetime.now(UTC) - timedelta(days=3)).timetuple()[:3], 12, 30, tzinfo=UTC)


def test_roll_ups_count_the_checks_of_a_vantage_by_the_hour_and_the_day(hub: Hub) -> None:
    other = OLD + timedelta(hours=2)
    rows = [
        check(1, at=OLD, response_time_ms=100.0),
        check(2, at=OLD, outcome="slow", response_time_ms=3000.0),
        check(3, at=OLD, outcome="timeout", response_time_ms=None),
        check(4, at=OLD, outcome="rate_limited", response_time_ms=9.0),
        check(5, at=OLD, model="gpt-oss-20b", response_time_ms=7.0),
        check(6, at=OLD, provider="mistral", response_time_ms=0.2),
        check(7, at=other, response_time_ms=100.0),
    ]
    hub.ship(parcel(A, *rows))
    hub.ship(parcel(FAR, check(1, at=OLD)))
    hub.roll_up(24 * 4)
    first, second = hub.roll_ups("eu-1", ["groq"], OLD - timedelta(hours=1), daily=False)
    assert (first.provider, first.at) == ("groq", OLD.replace(minute=0))
    assert (first.checks, first.up, first.down, first.sum_ms) == (4, 2, 1, 3100.0)
    assert first.latency == {bucket_of(100.0): 1, bucket_of(3000.0): 1}
    assert (second.at, second.checks, second.latency) == (
        *(other.replace(minute=0), 1, {bucket_of(100.0): 1}),
    )
    (day,) = hub.roll_ups("eu-1", ["groq"], OLD.replace(hour=0, minute=0), daily=True)
    assert (day.at, day.checks, day.up, day.down) == (OLD.replace(hour=0, minute=0), 5, 3, 1)
    assert day.latency == {bucket_of(100.0): 2, bucket_of(3000.0): 1}
    both = hub.roll_ups("eu-1", ["groq", "mistral"], OLD - timedelta(hours=1), daily=False)
    assert [each.provider for each in both] == ["groq", "groq", "mistral"]
    assert hub.roll_ups("eu-1", ["groq"], datetime.now(UTC), daily=False) == []


def test_counting_again_counts_nothing_twice(hub: Hub) -> None:
    hub.ship(parcel(A, check(1, at=OLD)))
    for _ in range(2):
        hub.roll_up(24 * 4)
    (hour,) = hub.roll_ups("eu-1", ["groq"], OLD - timedelta(hours=1), daily=False)
    assert hour.checks == 1
