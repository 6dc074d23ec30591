"""Reads the changes of status, ranking and models that are stored."""

from datetime import datetime

import apsw

from tracker.core.records import ChangeKind, ChangeRecord
from tracker.store.connection import epoch_ms
from tracker.store.points import moment

LATEST_MS = 2**63 - 1  # SQLite's largest integer

_CHANGES = """
SELECT kind, changed_at_ms, provider_name, value_before, value_after, reason FROM changes
WHERE changed_at_ms BETWEEN :since AND :until AND (:provider IS NULL OR provider_name = :provider)
ORDER BY changed_at_ms DESC, id DESC LIMIT :most
"""


def read_changes(
    connection: apsw.Connection,
    provider: str | None,
    since: datetime,
    limit: int,
    until: datetime | None = None,
) -> tuple[ChangeRecord, ...]:
    """Return the newest ``limit`` up to ``until``, oldest first. Both moments are included."""
    bindings = {
        "since": epoch_ms(since.timestamp()),
        "until": LATEST_MS if until is None else epoch_ms(until.timestamp()),
        "provider": provider,
        "most": limit,
    }
    newest_first = tuple(
        ChangeRecord(
            kind=ChangeKind(kind),
            at=moment(at),
            provider=name,
            before=before,
            after=after,
            reason=reason,
        )
        for kind, at, name, before, after, reason in connection.execute(_CHANGES, bindings)
    )
    return newest_first[::-1]
