"""Incidents, messages and verdicts in PostgreSQL, written under the herald's lease alone."""

from tracker.cluster.alert_rows import AlertWrite, StoredAlerts, VerdictRow
from tracker.cluster.hub import Fenced, PublishedRanking
from tracker.cluster.link import Connection
from tracker.cluster.membership import HERALD
from tracker.cluster.postgres_checks import clean, learn_providers

MOST_ROWS = 5_000  # newest first: a bad month must not fill anybody's memory

FENCE = """
SELECT 1 FROM leases WHERE vantage = 0 AND name = %s AND holder = %s AND token = %s FOR SHARE
"""
INCIDENT = """
INSERT INTO incidents (id, closed_at, incident, acknowledged_by) VALUES (%s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET closed_at = excluded.closed_at, incident = excluded.incident,
    acknowledged_by = coalesce(excluded.acknowledged_by, incidents.acknowledged_by)
"""
DELIVERY = """
INSERT INTO deliveries (key, target, created_at, delivery) VALUES (%s, %s, %s, %s)
ON CONFLICT (key, target) DO UPDATE SET delivery = excluded.delivery
"""
EVENT = """
INSERT INTO events (key, kind, provider, value_before, value_after, reason)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
VERDICT = """
INSERT INTO verdicts (provider, version, status, reason, since, observed_at)
VALUES (%(id)s, %(version)s, %(status)s, %(reason)s, clock_timestamp(),
    clock_timestamp() - make_interval(secs => %(age)s))
ON CONFLICT (provider) DO UPDATE SET version = excluded.version, status = excluded.status,
    reason = excluded.reason, since = excluded.since, observed_at = excluded.observed_at
WHERE verdicts.version = excluded.version - 1
"""


def load_alerts(connection: Connection) -> StoredAlerts:
    """Load open incidents, the newest closed ones and deliveries up to ``MOST_ROWS``, and mutes."""
    incidents = connection.execute(
        "SELECT incident, acknowledged_by FROM incidents "
        "ORDER BY closed_at DESC NULLS FIRST LIMIT %s",
        (MOST_ROWS,),
    ).fetchall()
    deliveries = connection.execute(
        "SELECT delivery FROM deliveries ORDER BY created_at DESC LIMIT %s", (MOST_ROWS,)
    ).fetchall()
    mutes = connection.execute(
        "SELECT provider, extract(epoch FROM muted_until - clock_timestamp())::float8 FROM mutes "
        "WHERE muted_until > clock_timestamp()"
    ).fetchall()
    return StoredAlerts(
        incidents=[(incident, by) for incident, by in incidents],
        deliveries=[delivery for (delivery,) in reversed(deliveries)],
        mutes=dict(mutes),
    )


def write_alerts(
    connection: Connection, member: str, token: int, write: AlertWrite, ids: dict[str, int]
) -> list[str]:
    """Write all or nothing, and nothing unless the lease is still ours. Raises Fenced."""
    learn_providers(connection, [verdict.provider for verdict in write.verdicts], ids)
    with connection.transaction():
        if connection.execute(FENCE, (HERALD, member, token)).fetchone() is None:
            raise Fenced
        for row in write.incidents:
            values = (row.id, row.closed_at, clean(row.incident), row.acknowledged_by)
            connection.execute(INCIDENT, values)
        for each in write.deliveries:
            connection.execute(
                DELIVERY, (each.key, each.target, each.created_at, clean(each.delivery))
            )
        for verdict in write.verdicts:
            connection.execute(
                VERDICT,
                {
                    "id": ids[clean(verdict.provider)],
                    "version": verdict.version,
                    "status": verdict.status,
                    "reason": clean(verdict.reason),
                    "age": verdict.age,
                },
            )
        new = [
            event.key
            for event in write.events
            if connection.execute(
                EVENT,
                (
                    clean(event.key),
                    event.kind,
                    event.provider,
                    event.before,
                    event.after,
                    clean(event.reason),
                ),
            ).rowcount
        ]
        connection.execute("SELECT pg_notify('provider_status', 'alerts')")
    return new


def load_verdicts(connection: Connection) -> list[VerdictRow]:
    """Load the last verdict of each provider; the age of its evidence is by the hub's clock."""
    rows = connection.execute(
        "SELECT p.name, v.version, v.status, v.reason, "
        "extract(epoch FROM clock_timestamp() - v.observed_at)::float8 "
        "FROM verdicts v JOIN providers p ON p.id = v.provider"
    )
    names = ("provider", "version", "status", "reason", "age")
    return [VerdictRow(**dict(zip(names, row, strict=True))) for row in rows]


def acknowledge(connection: Connection, incident: str, by: str) -> None:
    """Set who knows of the incident and notify all members."""
    connection.execute(
        "UPDATE incidents SET acknowledged_by = %s WHERE id = %s", (clean(by), incident)
    )
    connection.execute("SELECT pg_notify('provider_status', 'alerts')")


def mute(connection: Connection, provider: str, seconds: float) -> None:
    """Mute until so many seconds from now by the hub's clock, 0 to end it; notify all members."""
    if seconds > 0:
        connection.execute(
            "INSERT INTO mutes VALUES (%s, clock_timestamp() + make_interval(secs => %s)) "
            "ON CONFLICT (provider) DO UPDATE SET muted_until = excluded.muted_until",
            (clean(provider), seconds),
        )
    else:
        connection.execute("SELECT remove_mute(%s)", (clean(provider),))
    connection.execute("SELECT pg_notify('provider_status', 'alerts')")


def publish_ranking(connection: Connection, vantage: str, ranking: str) -> None:
    """Store a vantage's ranking, one version higher; nothing for an unknown vantage."""
    connection.execute(
        "INSERT INTO rankings SELECT id, 1, clock_timestamp(), %s FROM vantages WHERE name = %s "
        "ON CONFLICT (vantage) DO UPDATE SET version = rankings.version + 1, "
        "ranked_at = excluded.ranked_at, ranking = excluded.ranking",
        (clean(ranking), vantage),
    )


def load_rankings(connection: Connection) -> list[PublishedRanking]:
    """Load each vantage's ranking; its age in seconds is by the hub's clock."""
    rows = connection.execute(
        "SELECT v.name, r.ranking, extract(epoch FROM clock_timestamp() - r.ranked_at)::float8 "
        "FROM rankings r JOIN vantages v ON v.id = r.vantage"
    )
    return [PublishedRanking(vantage=v, ranking=r, age=max(age, 0.0)) for v, r, age in rows]
