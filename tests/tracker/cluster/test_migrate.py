"""The hub's tables, and the rights of each role."""

import psycopg
import pytest

from tests.helpers.postgres import PostgresServer
from tracker.cluster.hub import SCHEMA, HubAway
from tracker.cluster.link import Link
from tracker.cluster.migrate import migrate, scripts
from tracker.core.redaction import Secret

pytestmark = pytest.mark.needs_program("PostgreSQL")


def link(url: str | Secret) -> Link:
    return Link(url if isinstance(url, Secret) else Secret(url))


def ask(url: str | Secret) -> int:
    """The answer of the hub to ``SELECT 1``."""
    where = link(url)
    try:
        return int(where.run(lambda c: c.execute("SELECT 1").fetchall()[0][0]))
    finally:
        where.close()


def test_the_last_migration_is_the_schema_that_this_version_knows() -> None:
    assert len(scripts()) == SCHEMA


def test_migrating_twice_changes_nothing(postgres: PostgresServer, database: str) -> None:
    assert (migrate(Secret(database)).before, migrate(Secret(database)).before) == (0, SCHEMA)
    ask(database)


def test_a_tracker_finds_no_hub_before_the_migration(database: str) -> None:
    with pytest.raises(HubAway, match="cluster migrate"):
        ask(database)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("schema_version = 0", "schema is 0"),
        ("schema_version = 9, oldest_client = 9", "upgrade it"),
    ],
)
def test_an_older_and_a_newer_hub_are_reported(
    postgres: PostgresServer, database: str, change: str, told: str
) -> None:
    migrate(Secret(database))
    name = database.rpartition("/")[2]
    postgres.execute(f"UPDATE provider_status.meta SET {change}", name)
    with pytest.raises(HubAway, match=told):
        ask(database)


def test_a_newer_hub_for_which_we_are_young_enough_is_used(
    postgres: PostgresServer, database: str
) -> None:
    migrate(Secret(database))
    name = database.rpartition("/")[2]
    postgres.execute("UPDATE provider_status.meta SET schema_version = 9", name)
    postgres.execute("ALTER TABLE provider_status.checks ADD COLUMN later int DEFAULT 7", name)
    assert ask(database) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM provider_status.checks",
        "DELETE FROM provider_status.members",
        "TRUNCATE provider_status.states",
        "DROP TABLE provider_status.leases",
        "CREATE TABLE provider_status.mine (x int)",
        "ALTER TABLE provider_status.checks ADD COLUMN mine int",
        "UPDATE provider_status.meta SET schema_version = 9",
        "UPDATE provider_status.checks SET response_time_ms = 1",
        "UPDATE provider_status.origins SET file = 'mine'",
        "DELETE FROM provider_status.events",
    ],
)
def test_a_trackers_role_may_neither_delete_nor_define(hub_url: Secret, statement: str) -> None:
    with (
        psycopg.connect(hub_url.reveal(), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_a_reader_may_only_read(postgres: PostgresServer, hub_url: Secret) -> None:
    postgres.execute(
        "DO $$ BEGIN CREATE ROLE looker LOGIN IN ROLE provider_status_reader; "
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    url = hub_url.reveal().replace("//tracker@", "//looker@")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT * FROM provider_status.current_status")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO provider_status.mutes VALUES ('groq', now())")


def test_a_role_that_owns_nothing_cannot_migrate(postgres: PostgresServer, database: str) -> None:
    postgres.execute("DROP ROLE IF EXISTS nobody_special; CREATE ROLE nobody_special LOGIN")
    with pytest.raises(HubAway, match="owner's URL"):
        migrate(Secret(database.replace("//postgres@", "//nobody_special@")))


def test_a_failure_is_explained_without_the_password(
    postgres: PostgresServer, hub_url: Secret
) -> None:
    good = hub_url.reveal().replace("//tracker@", "//tracker:s3cret-99@")
    wrong = {
        good.replace("/hub", "/nowhere"): "the database does not exist",
        good.replace(f":{postgres.port}", ":1"): "connection refused",
        good.replace("//tracker:", "//ghost:"): "the role does not exist",
        good.replace("s3cret-99", "s3cret%99%"): "is not valid",
        f"{good}?sslmode=verify-full": "TLS",
    }
    for url, told in wrong.items():
        with pytest.raises(HubAway, match=told) as away:
            ask(url)
        assert "s3cret" not in away.value.reason


def test_a_wrong_password_is_reported(postgres: PostgresServer, hub_url: Secret) -> None:
    postgres.require_password("guarded", "right-password")
    postgres.execute("GRANT provider_status_tracker TO guarded")
    where = hub_url.reveal().replace("//tracker@", "//guarded:{}@")
    ask(where.format("right-password"))
    with pytest.raises(HubAway, match="password") as away:
        ask(where.format("wrong-password"))
    assert "wrong-password" not in away.value.reason


def test_a_role_without_rights_is_reported(postgres: PostgresServer, hub_url: Secret) -> None:
    postgres.execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN")
    with pytest.raises(HubAway, match="lacks privileges"):
        ask(hub_url.reveal().replace("//tracker@", "//stranger@"))


def test_a_read_only_server_is_reported(postgres: PostgresServer, hub_url: Secret) -> None:
    postgres.execute("ALTER ROLE tracker SET default_transaction_read_only = on")
    try:
        with pytest.raises(HubAway, match="read-only"):
            ask(hub_url)
    finally:
        postgres.execute("ALTER ROLE tracker RESET default_transaction_read_only")


def test_old_days_are_dropped_and_stay_in_the_roll_ups(
    postgres: PostgresServer, hub_url: Secret
) -> None:
    hub = link(hub_url)
    hub.run(lambda c: c.execute("SELECT keep_partitions(5)"))
    postgres.execute("INSERT INTO provider_status.vantages (name) VALUES ('eu-1')", "hub")
    postgres.execute("INSERT INTO provider_status.providers (name) VALUES ('groq')", "hub")
    postgres.execute(
        "INSERT INTO provider_status.checks SELECT v.id, p.id, now() - interval '4 days', 1, n, "
        "NULL, 'healthy', CASE WHEN n > 3 THEN 'timeout' ELSE 'ok' END, 100 * n, NULL, 300, 200, "
        "'', 0, 0, 0 FROM provider_status.vantages v, provider_status.providers p, "
        "generate_series(1, 4) n",
        "hub",
    )
    hub.run(lambda c: c.execute("SELECT roll_up(clock_timestamp() - interval '6 days')"))
    hub.run(lambda c: c.execute("SELECT keep_partitions(2)"))
    hub.close()
    assert postgres.execute("SELECT count(*) FROM provider_status.checks", "hub") == [(0,)]
    for table in ("hours", "days"):
        columns = "checks, up, down, sum_ms, (SELECT count(*) FROM jsonb_object_keys(latency))"
        found = postgres.execute(f"SELECT {columns} FROM provider_status.{table}", "hub")
        assert found == [(4, 3, 1, 600.0, 3)]


def insert_checks(postgres: PostgresServer, day: str, count: int) -> None:
    postgres.execute(
        "INSERT INTO provider_status.vantages (name) VALUES ('eu-1') ON CONFLICT DO NOTHING", "hub"
    )
    postgres.execute(
        "INSERT INTO provider_status.providers (name) VALUES ('groq') ON CONFLICT DO NOTHING", "hub"
    )
    postgres.execute(
        f"INSERT INTO provider_status.checks SELECT v.id, p.id, {day} + n * interval '1 hour', 1, "
        "n, NULL, 'healthy', 'ok', 100, NULL, 300, 200, '', 0, 0, 0 "
        "FROM provider_status.vantages v, provider_status.providers p, "
        f"generate_series(1, {count}) n ON CONFLICT DO NOTHING",
        "hub",
    )


def test_an_uncounted_day_is_summed_up_before_it_is_dropped(
    postgres: PostgresServer, hub_url: Secret
) -> None:
    hub = link(hub_url)
    hub.run(lambda c: c.execute("SELECT keep_partitions(5)"))
    day = "(date_trunc('day', now(), 'UTC') - interval '4 days')"
    insert_checks(postgres, day, 3)
    hub.run(lambda c: c.execute("SELECT keep_partitions(2)"))
    hub.close()
    assert postgres.execute("SELECT count(*) FROM provider_status.checks", "hub") == [(0,)]
    assert postgres.execute("SELECT checks FROM provider_status.hours", "hub") == [(1,)] * 3
    found = postgres.execute(
        f"SELECT checks, day = {day} FROM provider_status.days",
        "hub",
    )
    assert found == [(3, True)]


def test_hours_stay_for_ninety_days_and_days_for_two_years_whatever_checks_do(
    postgres: PostgresServer, hub_url: Secret
) -> None:
    for table, ages in (("hours", (1, 30, 89, 92)), ("days", (1, 92, 729, 732))):
        for age in ages:
            postgres.execute(
                f"INSERT INTO provider_status.{table} VALUES "
                f"(1, 1, date_trunc('day', now()) - interval '{age} days', 1, 1, 0, 1, '{{}}')",
                "hub",
            )
    hub = link(hub_url)
    hub.run(lambda c: c.execute("SELECT keep_partitions(1)"))
    hub.close()
    for table in ("hours", "days"):
        kept = postgres.execute(f"SELECT count(*) FROM provider_status.{table}", "hub")
        assert kept == [(3,)], table


def test_a_hub_of_the_first_schema_is_brought_up_and_keeps_its_roll_ups(
    postgres: PostgresServer, database: str
) -> None:
    name = database.rpartition("/")[2]
    with psycopg.connect(database) as connection:
        connection.execute(scripts()[0].encode())
        connection.execute(
            "INSERT INTO provider_status.hours VALUES (1, 1, now(), 5, 5, 0, 500, '{}')"
        )
    assert migrate(Secret(database)).before == 1
    assert postgres.execute("SELECT checks FROM provider_status.hours", name) == [(5,)]
    ask(database)
