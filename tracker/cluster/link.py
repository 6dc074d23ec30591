"""One connection to PostgreSQL: opened when needed, cut from any thread, errors in sentences."""

import os
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict

from tracker.cluster.hub import SCHEMA, HubAway
from tracker.core.redaction import Mask, Secret

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_SECONDS = 2
# These end statements that take too long on a server that still answers. They do not end a thread
# on a network that drops everything: that is what ``cut`` is for.
OPTIONS = (
    "-c statement_timeout=10000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000 "
    "-c timezone=UTC"
)
MIGRATE = "run `provider-status cluster migrate` with the owner's URL"
ANOTHER_VANTAGE = (
    "the role is kept to another vantage, or to none: use this vantage's role, or the owner's "
    "`SELECT provider_status.keep_role_to('ROLE', 'VANTAGE')`"
)
BAD_URL = (
    "the URL is not valid (value not shown): look for a wrong % or an option that PostgreSQL does "
    "not know"
)
NO_HUB = f"the database does not have the hub's tables yet: {MIGRATE}"

_BY_STATE = {
    "28P01": "PostgreSQL refused the password",
    "28000": "PostgreSQL refused the role",
    "3D000": "the database does not exist",
    "3F000": NO_HUB,
    "42P01": NO_HUB,
    "42501": "the role lacks privileges: it must be a member of provider_status_tracker",
    "25006": "PostgreSQL is read-only: a standby, or in recovery",
    "53100": "PostgreSQL's disk is full",
    "53300": "PostgreSQL accepts no more connections",
    "57P03": "PostgreSQL is starting, shutting down or in recovery",
    "57014": "PostgreSQL is too slow: a statement was cancelled",
    "55P03": "another session holds a lock in PostgreSQL for too long",
}
_BAD_PORT = "the URL's port is not a number from 1 to 65535"
_ANOTHER_SERVER = "what answers at this address is not PostgreSQL: look at the port"
_BY_TEXT = (
    ("invalid port number", _BAD_PORT),
    ('connection option "port"', _BAD_PORT),
    ("invalid sslmode value", "the URL's sslmode is none that PostgreSQL knows"),
    ("invalid response to SSL negotiation", _ANOTHER_SERVER),
    ("expected authentication request", _ANOTHER_SERVER),
    ("Network is unreachable", "its host cannot be reached from here"),
    ("No route to host", "its host cannot be reached from here"),
    ("password authentication failed", "PostgreSQL refused the password or the role"),
    ("no password supplied", "the URL has no password, and PostgreSQL requires one"),
    ('database "', "the database does not exist"),
    ('role "', "the role does not exist"),
    ("no pg_hba.conf entry", "PostgreSQL's pg_hba.conf does not allow this machine"),
    ("session is read-only", "PostgreSQL is read-only: a standby, or in recovery"),
    ("in recovery", "PostgreSQL is read-only: a standby, or in recovery"),
    ("starting up", "PostgreSQL is starting"),
    ("shutting down", "PostgreSQL is shutting down"),
    ("too many clients", "PostgreSQL accepts no more connections"),
    ("remaining connection slots", "PostgreSQL accepts no more connections"),
    ("too many connections", "PostgreSQL accepts no more connections"),
    ("does not support SSL", "the server does not support TLS"),
    ("does not match host name", "its TLS certificate is of another host than the URL names"),
    ("root certificate file", "the file that sslrootcert names is missing or wrong"),
    (
        "certificate verify failed",
        "its TLS certificate is not trusted: too old, or of an authority not in sslrootcert",
    ),
    ("certificate", "its TLS certificate is not trusted"),
    ("Connection refused", "nothing listens at this address: connection refused"),
    ("timeout expired", "no answer within 2 s"),
    ("resolve host", "its host name cannot be resolved"),
    ("translate host", "its host name cannot be resolved"),
    ("Name or service", "its host name cannot be resolved"),
    ("server closed the connection", "the connection was closed"),
    ("terminating connection", "the connection was ended by the server"),
)


@attrs.define(eq=False)
class Link:
    """Used by one thread at a time; only ``cut`` may come from another.

    check_schema: refuse a hub that is not for this version.
    """

    url: Secret = attrs.field(repr=False)
    check_schema: bool = True
    schema: int = SCHEMA
    listening: bool = False
    connection: Connection | None = None
    _severed: Connection | None = None  # what was cut; the call on it may have been over by then

    def run(self, job: Callable[[Connection], T]) -> T:
        """Run a job. Raises HubAway; the next call then connects again."""
        try:
            return job(self._connected())
        except psycopg.Error as error:
            self.close()
            raise HubAway(explain(error, self.url)) from None
        except HubAway:
            self.close()
            raise

    def cut(self) -> None:
        """Cut the connection: a call blocked on the socket gets an error at once.

        The next call opens another.
        """
        connection = self.connection
        if connection is None or connection.closed:
            return
        self._severed = connection
        with suppress(OSError, psycopg.Error):
            copy = socket.socket(fileno=os.dup(connection.pgconn.socket))
            with suppress(OSError):
                copy.shutdown(socket.SHUT_RDWR)
            copy.close()

    def close(self) -> None:
        """Close the connection, if there is one; the next call opens another."""
        connection, self.connection = self.connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def _connected(self) -> Connection:
        if self.connection is self._severed:
            self.close()
        connection = self.connection
        if connection is None or connection.closed:
            connection = self.connection = connect(self.url)
            if self.check_schema:
                check_schema(connection, self.schema)
            connection.execute("SET search_path = provider_status")
            if self.listening:
                connection.execute("LISTEN provider_status")
        return connection


def connect(url: Secret) -> Connection:
    """Connect. Raises psycopg.Error, and HubAway for an unreadable URL: psycopg would print it."""
    try:
        conninfo_to_dict(url.reveal())
    except psycopg.Error:
        raise HubAway(BAD_URL) from None
    return psycopg.connect(
        url.reveal(),
        autocommit=True,
        prepare_threshold=None,  # a pooler may give us another session each time
        connect_timeout=CONNECT_SECONDS,
        application_name="provider-status",
        target_session_attrs="read-write",
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=8000,
        options=OPTIONS,
    )


def check_schema(connection: Connection, known: int) -> None:
    """Raise HubAway where the hub is for older or newer trackers only."""
    try:
        row = connection.execute(
            "SELECT schema_version, oldest_client FROM provider_status.meta"
        ).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        raise HubAway(_BY_STATE["42501"]) from None
    if row is None:
        raise HubAway(NO_HUB)
    version, oldest = row
    if version < known:
        raise HubAway(f"the hub's schema is {version}, this tracker needs {known}: {MIGRATE}")
    if oldest > known:
        raise HubAway(
            f"the hub needs trackers with schema {oldest} or newer, this one has {known}: "
            "upgrade it"
        )


def explain(error: psycopg.Error, url: Secret) -> str:
    """Say in a sentence what is wrong, without the password."""
    if "row-level security" in str(error):
        return ANOTHER_VANTAGE
    if error.sqlstate in _BY_STATE:
        return _BY_STATE[error.sqlstate]
    text = str(error)
    found = [sentence for part, sentence in _BY_TEXT if part in text]
    if found:
        return found[0]
    line = " ".join(text.split())[:200] or type(error).__name__
    return Mask([Secret(part) for part in secret_parts(url)])(line)


def secret_parts(url: Secret) -> list[str]:
    """Return what of a URL must not be shown."""
    match = re.search(r"//[^/@]*:([^@]*)@", url.reveal())
    return [url.reveal(), *([match[1]] if match and match[1] else [])]
