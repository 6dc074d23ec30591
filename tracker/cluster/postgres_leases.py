"""Members and leases in PostgreSQL. Each statement, or pair of them, is a transaction of its own:

the locks of claims and burials must not hold up anybody's beat.
"""

from collections.abc import Collection, Mapping

import attrs

from tracker.cluster.hub import MemberInfo, Origin, Profile
from tracker.cluster.link import Connection
from tracker.cluster.membership import HERALD, Beat

# The server's start tells one server from another, also through a pooler; number and sum of the
# tokens tell whether the hub still has what we believe.
BEAT = """
UPDATE members SET beat = beat + 1, round_trip_ms = %s WHERE id = %s
RETURNING beat, pg_postmaster_start_time()::text,
    (SELECT count(*) FROM leases WHERE holder = members.id),
    (SELECT coalesce(sum(token), 0)::bigint FROM leases WHERE holder = members.id),
    clock_timestamp()
"""
CLAIM = """
UPDATE leases l SET holder = %(me)s, token = token + 1
FROM (
    SELECT vantage, name FROM leases
    WHERE vantage = (SELECT vantage FROM members WHERE id = %(me)s) AND holder IS NULL
        AND name = ANY(%(names)s) AND pg_postmaster_start_time()::text = %(epoch)s
    ORDER BY name LIMIT %(most)s FOR UPDATE SKIP LOCKED
) free
WHERE l.vantage = free.vantage AND l.name = free.name RETURNING l.name, l.token
"""
CLAIM_HERALD = """
UPDATE leases SET holder = %(me)s, token = token + 1
WHERE vantage = 0 AND name = %(name)s AND holder IS NULL
    AND pg_postmaster_start_time()::text = %(epoch)s RETURNING name, token
"""
PREDECESSORS = """
SELECT m.id::text FROM members m JOIN origins o ON o.id = m.origin WHERE o.uuid = %s
"""
NAMES = """
INSERT INTO leases (vantage, name)
SELECT vantage, unnest(%(names)s::text[]) FROM members WHERE id = %(me)s
ON CONFLICT DO NOTHING
"""
MEMBERS = """
SELECT m.id::text, v.name, m.url, m.version,
    (SELECT count(*) FROM leases l WHERE l.holder = m.id AND l.vantage <> 0), m.round_trip_ms
FROM members m JOIN vantages v ON v.id = m.vantage ORDER BY v.name, m.began
"""


def open_origin(connection: Connection, who: Profile, file: str, start: int) -> Origin:
    """Make our file and vantage known; say where the hub stands, and whose the name is."""
    with connection.transaction():
        connection.execute(
            "INSERT INTO vantages (name) VALUES (%s) ON CONFLICT DO NOTHING", (who.vantage,)
        )
        connection.execute(
            "INSERT INTO origins (uuid, vantage, file, head) "
            "SELECT %s, id, %s, %s FROM vantages WHERE name = %s ON CONFLICT DO NOTHING",
            (who.origin, file, start, who.vantage),
        )
        row = connection.execute(
            "SELECT o.head, v.name, o.file FROM origins o JOIN vantages v ON v.id = o.vantage "
            "WHERE o.uuid = %s",
            (who.origin,),
        ).fetchone()
        assert row is not None, "it was made in this transaction, or before"
        head, vantage, known = row
        members = connection.execute(PREDECESSORS, (who.origin,)).fetchall()
    ours = (vantage, known) == (who.vantage, file)
    return Origin(
        head=head,
        other_vantage=vantage if vantage != who.vantage else "",
        other_file=known != file,
        predecessors=tuple(member for (member,) in members) if ours else (),
    )


def join(
    connection: Connection, who: Profile, names: Collection[str], replaces: Collection[str]
) -> Beat:
    """Make a new member of a known origin in place of others, and leases for all names."""
    with connection.transaction():
        for member in replaces:
            remove(connection, member, None)
        row = connection.execute(
            "INSERT INTO members (vantage, origin, url, version) "
            "SELECT v.id, o.id, %s, %s FROM vantages v, origins o "
            "WHERE v.name = %s AND o.uuid = %s "
            "RETURNING id::text, pg_postmaster_start_time()::text, clock_timestamp()",
            (who.url, who.version, who.vantage, who.origin),
        ).fetchone()
        assert row is not None, "the origin is opened before"
        member, epoch, at = row
        connection.execute(NAMES, {"me": member, "names": list(names)})
        connection.execute("INSERT INTO leases VALUES (0, %s) ON CONFLICT DO NOTHING", (HERALD,))
        return _seen(connection, Beat(member=member, epoch=epoch, hub_time=at))


def beat(connection: Connection, member: str, round_trip_ms: float | None) -> Beat | None:
    """Count the member's beat up; None where the member was removed."""
    row = connection.execute(BEAT, (round_trip_ms, member)).fetchone()
    if row is None:
        return None
    count, epoch, held, tokens, at = row
    ours = Beat(member=member, epoch=epoch, beat=count, held=held, tokens=tokens, hub_time=at)
    return _seen(connection, ours)


def claim(
    connection: Connection,
    member: str,
    names: Collection[str],
    most: int,
    epoch: str,
    *,
    herald: bool,
) -> dict[str, int]:
    """Take free leases in one transaction: won together or not at all, so our sum stays theirs."""
    values = {"me": member, "names": list(names), "most": most, "epoch": epoch, "name": HERALD}
    won: dict[str, int] = {}
    with connection.transaction():
        if most > 0:
            connection.execute(NAMES, values)
            won.update(connection.execute(CLAIM, values).fetchall())
        if herald:
            won.update(connection.execute(CLAIM_HERALD, values).fetchall())
    return won


def release(connection: Connection, member: str, leases: Mapping[str, int]) -> None:
    """Free those of the leases that the member holds under these tokens."""
    connection.execute(
        "UPDATE leases l SET holder = NULL "
        "FROM unnest(%s::text[], %s::bigint[]) given (name, token) "
        "WHERE l.holder = %s AND l.name = given.name AND l.token = given.token",
        (list(leases), list(leases.values()), member),
    )


def held(connection: Connection, member: str) -> dict[str, int]:
    """Load the leases of a member, the herald's among them, with their tokens."""
    query = "SELECT name, token FROM leases WHERE holder = %s"
    return dict(connection.execute(query, (member,)).fetchall())


def remove(connection: Connection, member: str, seen: int | None) -> bool:
    """Remove a member, only at the beat ``seen`` where given; return whether it was removed."""
    row = connection.execute("SELECT remove_member(%s, %s)", (member, seen)).fetchone()
    return row is not None and bool(row[0])


def members(connection: Connection) -> list[MemberInfo]:
    """Load all members of all vantages, with the number of leases each holds."""
    return [
        MemberInfo(
            member=member,
            vantage=vantage,
            url=url,
            version=version,
            leases=leases,
            round_trip_ms=fastest,
        )
        for member, vantage, url, version, leases, fastest in connection.execute(MEMBERS)
    ]


def _seen(connection: Connection, answer: Beat) -> Beat:
    rows = connection.execute(
        "SELECT m.id::text, m.beat, m.vantage, o.uuid::text "
        "FROM members m JOIN origins o ON o.id = m.origin"
    ).fetchall()
    ours = next((vantage for each, _, vantage, _ in rows if each == answer.member), None)
    return attrs.evolve(
        answer,
        beats={each: number for each, number, _, _ in rows},
        peers=frozenset(each for each, _, vantage, _ in rows if vantage == ours),
        origins={each: origin for each, _, _, origin in rows},
    )
