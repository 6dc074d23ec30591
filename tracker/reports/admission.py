"""Limits on how many reports are accepted and how often proxies may send. Pure."""

import attrs

# Processing one takes about 15 µs, so this many use a few hundredths of one core.
REPORTS_PER_SECOND = 2_000.0
BURST = 10_000.0
# A reporter that always sends more than this leaves half of the burst to others.
SHARE_PER_SECOND = 500.0
SHARE_BURST = 2_500.0
RESERVE = BURST / 2.0
MOST_REPORTERS = 1_000  # names are free text; the one silent for longest is dropped
# Proxies are asked to send less often as the burst is used up: bigger batches cost less.
SEND_EVERY_SECONDS = 2.0
SLOWEST_SECONDS = 30.0


@attrs.frozen(kw_only=True)
class Admission:
    """Whether a batch is accepted. retry_after: seconds until it would be; 0 if it is."""

    taken: bool
    send_every_seconds: float
    retry_after: float = 0.0


# The memory for ids is full: room is made every hour, as those of yesterday are dropped.
FULL = Admission(taken=False, send_every_seconds=SLOWEST_SECONDS, retry_after=60.0)


@attrs.frozen(kw_only=True)
class Allowance:
    """A token bucket over all reporters. ``at``: steady seconds of ``left``."""

    rate: float = REPORTS_PER_SECOND
    burst: float = BURST
    left: float = BURST
    at: float = 0.0

    def admit(
        self, reports: int, now: float, *, reserve: float = 0.0
    ) -> tuple["Allowance", Admission]:
        """Take or refuse a batch as a whole; an empty one counts as one report.

        reserve: what must be left for others.
        """
        elapsed = max(now - self.at, 0.0)
        left = min(self.left + elapsed * self.rate, self.burst)
        wanted = float(max(reports, 1))
        taken = wanted + reserve <= left
        after = attrs.evolve(self, left=left - wanted if taken else left, at=max(now, self.at))
        wait = 0.0 if taken else (wanted + reserve - left) / self.rate
        return after, Admission(
            taken=taken, send_every_seconds=after.send_every_seconds, retry_after=wait
        )

    @property
    def send_every_seconds(self) -> float:
        """Return how long a reporter should wait between batches: longer the more it has used."""
        used = 1.0 - max(self.left, 0.0) / self.burst
        return round(SEND_EVERY_SECONDS + used * (SLOWEST_SECONDS - SEND_EVERY_SECONDS), 1)


@attrs.define(eq=False)
class ReporterShares:
    """How much each reporter sent recently, so that one that floods does not block the others."""

    _shares: dict[str, Allowance] = attrs.field(factory=dict)

    def reserve_for(self, reporter: str, reports: int, now: float) -> float:
        """Return what a batch of this reporter must leave to the others."""
        share = self._shares.pop(reporter, None)
        if share is None:
            share = Allowance(rate=SHARE_PER_SECOND, burst=SHARE_BURST, left=SHARE_BURST, at=now)
        self._shares[reporter], admission = share.admit(reports, now)
        while len(self._shares) > MOST_REPORTERS:
            del self._shares[next(iter(self._shares))]
        return 0.0 if admission.taken else RESERVE
