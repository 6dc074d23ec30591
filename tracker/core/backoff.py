"""How long a crashed actor waits before it runs again, and when to stop trying."""

import attrs
from attrs.validators import ge, gt


@attrs.frozen(kw_only=True)
class Backoff:
    """Restart delays of 1, 2, 4 … 60 s and a budget of crashes. All in seconds.

    A crash after ``forget_after`` without one counts as the first again.
    """

    first: float = attrs.field(default=1.0, validator=gt(0.0))
    longest: float = attrs.field(default=60.0, validator=gt(0.0))
    # Five crashes within half a minute are a bug that a restart does not fix. A long-lived actor
    # may still crash now and then: after ten minutes without a crash its budget is full again.
    budget: int = attrs.field(default=5, validator=ge(1))
    forget_after: float = attrs.field(default=600.0, validator=gt(0.0))

    def delay(self, crashes: int) -> float:
        """Return the seconds before the restart after the ``crashes``-th crash in a row."""
        doublings = min(max(crashes - 1, 0), 32)  # any sensible limit is reached long before
        return float(min(self.first * 2**doublings, self.longest))

    def next_crash_count(self, crashes: int, *, lived: float) -> int:
        """Return the number of crashes in a row, once more after having lived ``lived`` seconds."""
        return 1 if lived >= self.forget_after else crashes + 1

    def is_exhausted(self, crashes: int) -> bool:
        """Return whether so many crashes in a row use up the budget of restarts."""
        return crashes >= self.budget
