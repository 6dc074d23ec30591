"""Checks in PostgreSQL: by the short way and the other, once each."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers.postgres import PostgresServer
from tracker.cluster.hub import Profile
from tracker.cluster.parcels import Parcel
from tracker.cluster.postgres import PostgresHub
from tracker.core.records import CheckRow
from tracker.core.redaction import Secret

pytestmark = pytest.mark.needs_program("PostgreSQL")

A = Profile(vantage="eu-1", origin="aaaaaaaa-0000-4000-8000-000000000000")
AT = datetime.now(UTC).replace(microsecond=0)


def check(seq: int, *, days_ahead: int = 0) -> CheckRow:
    return CheckRow(
        provider=f"p{seq % 3}",
        at=AT + timedelta(days=days_ahead),
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


def parcel(*seqs: int, head: int = 0) -> Parcel:
    return Parcel(origin=A.origin, head=head, last=seqs[-1], rows=[check(seq) for seq in seqs])


def stored(postgres: PostgresServer) -> list[int]:
    rows = postgres.execute("SELECT seq FROM provider_status.checks ORDER BY seq", "hub")
    return [int(str(seq)) for (seq,) in rows]


def test_rows_that_the_hub_has_beyond_its_head_are_not_stored_twice(
    postgres: PostgresServer, hub_url: Secret
) -> None:
    hub = PostgresHub(hub_url)
    hub.open_origin(A, "file", 0)
    hub.ship(parcel(1, 2, 3))
    postgres.execute("UPDATE provider_status.origins SET head = 1", "hub")
    again = hub.ship(parcel(2, 3, 4, head=1))
    hub.close()
    assert (again.head, again.skipped) == (4, 0)
    assert stored(postgres) == [1, 2, 3, 4]


def test_only_rows_of_a_day_without_a_partition_are_left_out(
    postgres: PostgresServer, hub_url: Secret
) -> None:
    """As with a clock that is days ahead."""
    hub = PostgresHub(hub_url)
    hub.open_origin(A, "file", 0)
    ahead = [check(seq, days_ahead=days) for seq, days in ((1, 0), (2, 1), (3, 9), (4, 2))]
    shipped = hub.ship(Parcel(origin=A.origin, head=0, last=4, rows=ahead))
    hub.close()
    assert (shipped.head, shipped.skipped) == (4, 1)
    assert stored(postgres) == [1, 2, 4]


def test_a_missing_day_is_created_and_nothing_is_left_out(
    postgres: PostgresServer, hub_url: Secret
) -> None:
    """As after an outage of days, with a hub from an old backup, or checks that come late."""
    for (table,) in postgres.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits "
        "WHERE inhparent = 'provider_status.checks'::regclass",
        "hub",
    ):
        postgres.execute(f"DROP TABLE {table}", "hub")
    hub = PostgresHub(hub_url)
    hub.open_origin(A, "file", 0)
    days = ((1, 0), (2, -1), (3, 2), (4, -40), (5, -20_000), (6, 3))
    rows = [check(seq, days_ahead=days) for seq, days in days]
    shipped = hub.ship(Parcel(origin=A.origin, head=0, last=6, rows=rows))
    hub.close()
    assert (shipped.head, shipped.skipped) == (6, 2), "of 1972, and of in three days"
    assert stored(postgres) == [1, 2, 3, 4]
    made = postgres.execute(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'provider_status.checks'::regclass",
        "hub",
    )
    assert made == [(4,)]
