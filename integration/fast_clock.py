"""Processes whose clock is not ours: their night is another, and an hour of theirs takes minutes.

libfaketime stands between a process and the system's clock (faketime(1); Debian: faketime). The
process is real: its sockets, signals, database and threads are the system's, and its waits are as
long as its own clock says. What it measures is stretched by the same rate.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

PACKAGE = "faketime"  # of Debian
_LIBRARIES = ("usr/lib/*/faketime/libfaketimeMT.so.1", "usr/lib/faketime/libfaketimeMT.so.1")


def find_faketime() -> Path | None:
    """The library; None where it is not installed."""
    found = (path for pattern in _LIBRARIES for path in sorted(Path("/").glob(pattern)))
    return next(found, None)


@attrs.frozen(kw_only=True)
class FastClock:
    """Shows ``start`` at ``began`` (monotonic, of ours) and goes ``rate`` times as fast as ours."""

    library: Path
    start: datetime
    rate: float
    began: float = attrs.field(factory=time.monotonic)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(time.monotonic() - self.began) * self.rate)

    def sleep(self, seconds: float) -> None:
        """Let so many seconds of this clock pass."""
        time.sleep(seconds / self.rate)

    def sleep_until(self, moment: datetime) -> None:
        self.sleep(max((moment - self.now()).total_seconds(), 0.0))

    def variables(self) -> Mapping[str, str]:
        """What makes a process that is started now see this clock; also one started again."""
        shown = self.now().astimezone(UTC)
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME": f"@{shown:%Y-%m-%d %H:%M:%S} x{self.rate:g}",
            "TZ": "UTC",  # FAKETIME is read in local time
            "FAKETIME_DISABLE_SHM": "1",  # no clock shared with other processes of ours
        }


def is_required() -> bool:
    """Whether a missing program is a failure, as where CI installs them."""
    return bool(os.environ.get("REQUIRE_PROGRAMS"))
