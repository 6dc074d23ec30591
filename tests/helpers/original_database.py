"""A database as the original tracker wrote it."""

from pathlib import Path
from typing import Any

from tests.helpers.store_records import opened

COLUMNS = {
    "provider_name": "TEXT NOT NULL",
    "status": "TEXT NOT NULL",
    "response_time_ms": "REAL",
    "uptime_percent": "REAL",
    "rate_limit_percent": "REAL",
    "last_check_timestamp": "TEXT",
    "error_message": "TEXT",
    "consecutive_failures": "INTEGER",
    "created_at": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
}
BASE: dict[str, Any] = {
    "provider_name": "groq",
    "status": "healthy",
    "response_time_ms": 245.0,
    "uptime_percent": 100.0,
    "rate_limit_percent": 45.0,
    "last_check_timestamp": "2026-11-23T12:30:00.250000",
    "error_message": "",
    "consecutive_failures": 0,
    "created_at": "2026-11-23 11:30:01",
}


def original(path: Path, *rows: dict[str, Any], without: tuple[str, ...] = ()) -> None:
    """Make its file. rows: what differs from BASE; without: columns that older ones lacked."""
    columns = {name: kind for name, kind in COLUMNS.items() if name not in without}
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    with opened(path) as connection:
        connection.execute(
            "CREATE TABLE provider_health_checks "
            f"(id INTEGER PRIMARY KEY AUTOINCREMENT, {declared})"
        )
        for row in rows:
            values = {name: value for name, value in (BASE | row).items() if name in columns}
            connection.execute(
                f"INSERT INTO provider_health_checks ({', '.join(values)}) "
                f"VALUES ({', '.join('?' * len(values))})",
                tuple(values.values()),
            )
