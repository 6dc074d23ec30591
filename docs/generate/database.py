"""The database's schema, as the migrations leave it."""

import apsw

from tracker.store.schema import MIGRATIONS

ORDER = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"


def part() -> str:
    connection = apsw.Connection(":memory:")
    for migration in MIGRATIONS:
        connection.execute(migration)
    found = [(kind, name, sql) for kind, name, sql in connection.execute(ORDER)]
    parts = []
    titles = {"view": "Views", "table": "Tables", "index": "Indexes", "trigger": "Triggers"}
    for kind, title in titles.items():
        parts += [f"## {title}\n"]
        parts += [f"### {name}\n\n```sql\n{sql}\n```\n" for k, name, sql in found if k == kind]
    return "\n".join(parts)
