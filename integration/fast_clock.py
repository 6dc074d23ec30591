"""Processes with another clock: their time of day differs, and an hour of theirs takes minutes.

libfaketime stands between a process and the system's clock (faketime(1); Debian: faketime). The
process is real: its sockets, signals, database and threads are the system's. Its waits last as long
as its own clock says, and its measurements are stretched by the same rate.
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
    """Return the path of the library; None if it is not installed."""
    found = (path for pattern in _LIBRARIES for path in sorted(Path("/").glob(pattern)))
    return next(found, None)


@attrs.frozen(kw_only=True)
class FastClock:
    """Shows ``start`` at ``began`` (monotonic, of ours) and runs ``rate`` times as fast."""

    library: Path
    start: datetime
    rate: float
    began: float = attrs.field(factory=time.monotonic)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(time.monotonic() - self.began) * self.rate)

    def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds`` of this clock."""
        time.sleep(seconds / self.rate)

    def sleep_until(self, moment: datetime) -> None:
        self.sleep(max((moment - self.now()).total_seconds(), 0.0))

    def variables(self) -> Mapping[str, str]:
        """Return the variables with which a process sees this clock, also after a restart."""
        shown = self.now().astimezone(UTC)
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME": f"@{shown:%Y-%m-%d %H:%M:%S} x{self.rate:g}",
            "TZ": "UTC",  # FAKETIME is read in local time
            "FAKETIME_DISABLE_SHM": "1",  # do not share a clock with our other processes
        }


def is_required() -> bool:
    """Return whether a missing program is a failure, as in CI, which installs them."""
    return bool(os.environ.get("REQUIRE_PROGRAMS"))
