"""Where rows are kept apart by vantage, a tracker's role reads and writes its own place alone."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from tests.helpers.postgres import PostgresServer
from tracker.cluster.examine import examine
from tracker.cluster.hub import SCHEMA, HubAway, Profile
from tracker.cluster.membership import HERALD
from tracker.cluster.parcels import Parcel, StateRow
from tracker.cluster.postgres import PostgresHub
from tracker.core.records import CheckRow
from tracker.core.redaction import Secret

pytestmark = pytest.mark.needs_program("PostgreSQL")

EU = Profile(vantage="eu-1", origin="aaaaaaaa-0000-4000-8000-000000000000")
SIBLING = Profile(vantage="eu-1", origin="bbbbbbbb-0000-4000-8000-000000000000")
US = Profile(vantage="us-1", origin="cccccccc-0000-4000-8000-000000000000")
ROLES = {"status_eu": "eu-1", "status_us": "us-1", "status_lost": None}
READER = "status_all"
OURS = "(SELECT id FROM vantages WHERE name = 'eu-1')"
THEIRS = "(SELECT id FROM vantages WHERE name = 'us-1')"


@pytest.fixture
def hub_apart(postgres: PostgresServer, hub_url: Secret) -> Iterator[Secret]:
    """The URL of a hub in which rows are kept apart."""
    for role, place in ROLES.items():
        _make_role(postgres, role, "provider_status_tracker")
        if place:
            postgres.execute(f"SELECT provider_status.keep_role_to('{role}', '{place}')", "hub")
    _make_role(postgres, READER, "provider_status_reader")
    yield hub_url
    postgres.execute("SELECT provider_status.keep_vantages_apart(false)", "hub")


def _make_role(postgres: PostgresServer, role: str, group: str) -> None:
    postgres.execute(
        f"DO $$ BEGIN CREATE ROLE {role} LOGIN IN ROLE {group}; "
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )


def url_of(role: str, url: Secret) -> Secret:
    return Secret(url.reveal().replace("//tracker@", f"//{role}@"))


@pytest.fixture
def hubs(hub_apart: Secret) -> Iterator[dict[str, PostgresHub]]:
    made = {role: PostgresHub(url_of(role, hub_apart)) for role in ROLES}
    yield made
    for hub in made.values():
        hub.close()


def parcel(who: Profile, *seqs: int) -> Parcel:
    rows = [
        CheckRow(
            provider="groq",
            at=datetime.now(UTC),
            seq=seq,
            model=None,
            status="healthy",
            outcome="ok",
            response_time_ms=1.5,
            ttft_ms=None,
            interval_seconds=300.0,
            http_status=200,
            error_message="",
            consecutive_failures=0,
            rate_limit_percent=0.0,
            completions=0,
        )
        for seq in seqs
    ]
    state = StateRow(
        provider="groq",
        model=None,
        seq=seqs[-1],
        age=1.0,
        due_in=299.0,
        fresh_for=900.0,
        status="healthy",
        reason="",
        state="{}",
        models=("llama",),
    )
    return Parcel(origin=who.origin, head=0, last=seqs[-1], rows=rows, states=[state])


@pytest.fixture
def filled(hubs: dict[str, PostgresHub]) -> dict[str, PostgresHub]:
    """Both places have shipped, and each has a member with a lease."""
    for role, who in (("status_eu", EU), ("status_us", US)):
        hub = hubs[role]
        hub.open_origin(who, f"file of {who.origin}", 0)
        assert hub.ship(parcel(who, 1, 2)).skipped == 0
        beat = hub.join(who, ["groq"])
        assert hub.claim(beat.member, ["groq"], 1, beat.epoch, herald=role == "status_us")
        hub.publish_ranking(who.vantage, "[]")
    return hubs


def run(url: Secret, role: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url_of(role, url).reveal(), autocommit=True) as connection:
        connection.execute("SET search_path = provider_status")
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]


def test_a_cluster_with_separated_vantages_works_normally(
    filled: dict[str, PostgresHub], hub_apart: Secret
) -> None:
    eu, us = filled["status_eu"], filled["status_us"]
    eu.open_origin(SIBLING, "another file", 0)
    news = eu.news("eu-1", SIBLING.origin, {}, 100)
    assert [[row.seq for row in each.rows] for each in news.checks] == [[1, 2]]
    assert {state.vantage for state in news.states} == {"eu-1", "us-1"}, "for the quorum"
    assert {ranking.vantage for ranking in us.rankings()} == {"eu-1", "us-1"}
    assert {member.vantage for member in us.members()} == {"eu-1", "us-1"}
    eu.keep_house(7)
    eu.roll_up(48.0)
    since = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert eu.roll_ups("eu-1", ["groq"], since, daily=True)[0].checks == 2
    assert eu.roll_ups("us-1", ["groq"], since, daily=True) == []
    ((ours,),) = run(hub_apart, "status_eu", f"SELECT id::text FROM members WHERE vantage = {OURS}")
    eu.leave(str(ours))
    assert {member.vantage for member in us.members()} == {"us-1"}


@pytest.mark.parametrize("table", ["checks", "hours", "days"])
def test_anothers_rows_cannot_be_read(
    filled: dict[str, PostgresHub], hub_apart: Secret, table: str
) -> None:
    filled["status_eu"].roll_up(48.0)
    places = f"SELECT DISTINCT v.name FROM {table} JOIN vantages v ON v.id = vantage ORDER BY 1"
    assert run(hub_apart, "status_eu", places) == [("eu-1",)]
    assert run(hub_apart, "status_us", places) == [("us-1",)]
    assert run(hub_apart, "status_lost", places) == []
    assert run(hub_apart, READER, places) == [("eu-1",), ("us-1",)]


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE states SET status = 'down' WHERE vantage = {THEIRS}",
        f"UPDATE members SET beat = 99 WHERE vantage = {THEIRS}",
        f"UPDATE leases SET holder = NULL WHERE vantage = {THEIRS}",
        f"UPDATE rankings SET ranking = 'ours' WHERE vantage = {THEIRS}",
        f"UPDATE origins SET head = 99 WHERE vantage = {THEIRS}",
        f"UPDATE checks SET status = 'down' WHERE vantage = {THEIRS}",
    ],
)
def test_anothers_rows_cannot_be_changed(
    filled: dict[str, PostgresHub], hub_apart: Secret, statement: str
) -> None:
    assert run(hub_apart, "status_eu", statement) == [(0,)]
    theirs = run(hub_apart, "status_us", statement)
    assert int(str(theirs[0][0])) > 0, "the statement itself would do something"


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO checks SELECT {THEIRS}, 1, now(), 1, 99, NULL, 'down', 'timeout', NULL, "
        "NULL, 300, NULL, '', 1, 0, 0",
        f"INSERT INTO leases VALUES ({THEIRS}, 'another')",
        "INSERT INTO vantages (name) VALUES ('ap-1')",
        f"INSERT INTO members (vantage, origin, url, version) SELECT {THEIRS}, id, '', '' "
        "FROM origins LIMIT 1",
        f"INSERT INTO origins (uuid, vantage, file) SELECT gen_random_uuid(), {THEIRS}, ''",
        f"UPDATE leases SET vantage = {THEIRS} WHERE vantage <> {THEIRS}",
        "DELETE FROM checks",
        "DELETE FROM members",
        "DROP TABLE checks",
        "CREATE TABLE mine (x int)",
        "ALTER TABLE checks DISABLE ROW LEVEL SECURITY",
        "SELECT keep_vantages_apart(false)",
        "SELECT keep_role_to('status_eu', 'us-1')",
        "UPDATE vantage_roles SET vantage = 'us-1'",
        "SELECT * FROM readable_checks",
    ],
)
def test_nothing_is_done_in_the_name_of_another(
    filled: dict[str, PostgresHub], hub_apart: Secret, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(hub_apart, "status_eu", statement)


def test_a_partition_gives_no_access_to_other_vantages(
    postgres: PostgresServer, filled: dict[str, PostgresHub], hub_apart: Secret
) -> None:
    partitions = postgres.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits "
        "WHERE inhparent = 'provider_status.checks'::regclass",
        "hub",
    )
    assert len(partitions) > 7
    for (partition,) in partitions:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(hub_apart, "status_eu", f"SELECT * FROM {partition}")


def test_a_living_member_of_another_vantage_cannot_be_removed(
    filled: dict[str, PostgresHub], hub_apart: Secret
) -> None:
    eu, us = filled["status_eu"], filled["status_us"]
    ((theirs,),) = run(
        hub_apart, "status_eu", f"SELECT id::text FROM members WHERE vantage = {THEIRS}"
    )
    eu.leave(str(theirs))
    assert us.beat(str(theirs)) is not None
    assert eu.bury(str(theirs), 1), "but one that stood still: it may hold the alerts' lease"
    ours = eu.join(EU, ["groq"])
    assert eu.claim(ours.member, [], 0, ours.epoch, herald=True) == {HERALD: 2}


@pytest.mark.parametrize("role", ["status_us", "status_lost"])
def test_a_role_of_another_vantage_is_refused_with_the_reason(
    hubs: dict[str, PostgresHub], hub_apart: Secret, role: str
) -> None:
    with pytest.raises(HubAway, match=r"kept to another vantage, or to none"):
        hubs[role].open_origin(EU, "a file", 0)
    told = {each.found: each for each in examine(url_of(role, hub_apart), SCHEMA, "eu-1")}
    kept = "to vantage us-1" if role == "status_us" else "to no vantage"
    problem = told[f"the role is kept {kept}, not to eu-1"]
    assert problem.level == "problem"
    assert "keep_role_to('ROLE', 'eu-1')" in problem.hint


def test_doctor_says_to_which_vantage_a_role_is_restricted(
    hubs: dict[str, PostgresHub], hub_apart: Secret
) -> None:
    told = {
        each.found: each.level for each in examine(url_of("status_eu", hub_apart), SCHEMA, "eu-1")
    }
    assert set(told.values()) == {"ok"}
    assert "the role is kept to vantage eu-1" in told
