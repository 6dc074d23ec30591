"""A heartbeat row for each tracker that writes to the file, to detect two on one file."""

import os
import secrets
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import apsw
import attrs

from tracker.store.connection import epoch_ms, transaction

# Seconds. Another tracker's heartbeat is noticed within two of ours.
BEAT_SECONDS = 30.0
FORGET_SECONDS = 3_600.0

_BEAT = """
INSERT INTO trackers VALUES (:run, :host, :process, :started, :now)
ON CONFLICT DO UPDATE SET beat_at_ms = excluded.beat_at_ms
"""
_FORGET = "DELETE FROM trackers WHERE run <> :run AND abs(beat_at_ms - :now) > :age"
_OTHERS = "SELECT run, host, process, beat_at_ms FROM trackers WHERE run <> ?"


@attrs.define(eq=False)
class Heartbeat:
    """Our heartbeat, and those of others that advance: a dead tracker's row stays the same."""

    started_at: datetime
    run: str = attrs.field(factory=lambda: secrets.token_hex(8))
    host: str = attrs.field(factory=socket.gethostname)
    process: int = attrs.field(factory=os.getpid)
    _seen: dict[str, int] = attrs.field(factory=dict)  # others' beats at the last reading

    def beat(self, connection: apsw.Connection, now: datetime) -> tuple[str, ...]:
        """Renew our row; return the other trackers that renewed theirs since we last looked."""
        now_ms = epoch_ms(now.timestamp())
        ours = {
            "run": self.run,
            "host": self.host,
            "process": self.process,
            "started": epoch_ms(self.started_at.timestamp()),
            "now": now_ms,
        }
        with transaction(connection):
            connection.execute(_BEAT, ours)
            age = epoch_ms(FORGET_SECONDS)
            connection.execute(_FORGET, {"run": self.run, "now": now_ms, "age": age})
            rows = connection.execute(_OTHERS, (self.run,)).fetchall()
        return tuple(self._going(rows))

    def _going(self, rows: Sequence[tuple[Any, ...]]) -> list[str]:
        going = [
            f"process {process} on {host}"
            for run, host, process, beat in rows
            if self._seen.get(run, beat) != beat
        ]
        self._seen = {run: beat for run, _, _, beat in rows}
        return going
