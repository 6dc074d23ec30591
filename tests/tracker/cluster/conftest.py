"""One PostgreSQL server for all tests of a worker, and an empty hub in it for each."""

import itertools
from collections.abc import Iterator

import pytest

from tests.helpers.postgres import PostgresServer, new_database, new_files, postgres_server
from tracker.cluster.migrate import migrate
from tracker.core.redaction import Secret

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(files=new_files(tmp_path_factory)) as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """The owner's URL of an empty database."""
    return new_database(postgres, f"hub{next(_numbers)}")


@pytest.fixture(scope="session")
def _migrated(postgres: PostgresServer) -> str:
    owner = new_database(postgres, "hub")
    migrate(Secret(owner))
    postgres.execute("CREATE ROLE tracker LOGIN IN ROLE provider_status_tracker")
    return owner


@pytest.fixture
def hub_url(postgres: PostgresServer, _migrated: str) -> Secret:
    """The URL of a tracker's role, at an empty hub."""
    tables = postgres.execute(
        "SELECT string_agg(oid::regclass::text, ',') FROM pg_class WHERE relkind IN ('r', 'p') "
        "AND relnamespace = 'provider_status'::regnamespace AND relname <> 'meta' "
        "AND NOT relispartition",
        "hub",
    )[0][0]
    postgres.execute(f"TRUNCATE {tables} CASCADE", "hub")
    postgres.execute("SELECT provider_status.keep_partitions(7)", "hub")  # a test may drop days
    return Secret(_migrated.replace("//postgres@", "//tracker@"))
