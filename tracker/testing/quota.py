"""Rate limits that a simulated provider enforces and states in Groq's headers."""

import math

import attrs

from tracker.testing.wire import Fields


@attrs.define
class Window:
    """``limit`` units in ``seconds``; a window starts with the first unit spent in it.

    Times are steady seconds, given by the caller.
    """

    limit: int
    seconds: float
    _used: int = attrs.field(default=0, init=False)
    _ends: float = attrs.field(default=-math.inf, init=False)

    def spend(self, amount: int, now: float) -> None:
        """Spend an amount in the window; a new window begins once the old one is over."""
        if now >= self._ends:
            self._used, self._ends = 0, now + self.seconds
        self._used += amount

    def remaining(self, now: float) -> int:
        """Return what is left of the window now."""
        return self.limit if now >= self._ends else max(0, self.limit - self._used)

    def reset(self, now: float) -> float:
        """Return the seconds until the window resets; 0 if nothing is spent."""
        return max(0.0, self._ends - now)


@attrs.define
class Quota:
    """Requests a day and tokens a minute, as on Groq's free tier; every answered request counts."""

    requests: Window = attrs.field(factory=lambda: Window(1_000, 86_400.0))
    tokens: Window = attrs.field(factory=lambda: Window(8_000, 60.0))

    def spent_for(self, now: float) -> float:
        """Return seconds until a request is allowed again; 0 now."""
        spent = [w.reset(now) for w in (self.requests, self.tokens) if w.remaining(now) == 0]
        return max(spent, default=0.0)

    def fields(self, now: float) -> Fields:
        """Return the rate-limit headers for it now."""
        return tuple(
            field
            for name, window in (("requests", self.requests), ("tokens", self.tokens))
            for field in (
                (f"x-ratelimit-limit-{name}", str(window.limit)),
                (f"x-ratelimit-remaining-{name}", str(window.remaining(now))),
                (f"x-ratelimit-reset-{name}", go_duration(window.reset(now))),
            )
        )


def go_duration(seconds: float) -> str:
    """Format as Go does: ``577.5ms``, ``7.66s``, ``2m59.56s``, ``23h59m58s``."""
    if seconds < 1.0:
        return f"{_short(seconds * 1000.0)}ms" if seconds > 0 else "0s"
    minutes, rest = divmod(seconds, 60.0)
    hours, minutes = divmod(int(minutes), 60)
    lead = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{lead}{_short(rest)}s"


def _short(number: float) -> str:
    # Downwards: rounding must never make 60s out of 59.9996.
    return f"{math.floor(number * 1000.0) / 1000.0:.3f}".rstrip("0").rstrip(".")
