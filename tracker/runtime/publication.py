"""When the next snapshot is due. Pure; all times are trio seconds."""

import attrs

from tracker.core.shared_wakes import MANY_PROVIDERS, WIDTH_SECONDS, next_wake

# Results that come close together share a snapshot. Waking up costs as much as making one, so with
# many providers they share a tenth of a second, which ends when the next checks wake the loop
# anyway; with few it is shorter.
COALESCE_SECONDS = WIDTH_SECONDS
COALESCE_SECONDS_EACH = WIDTH_SECONDS / MANY_PROVIDERS
# At least this often, so that the windows of uptime and latency advance.
REFRESH_SECONDS = 60.0
# Ten thousand at once would block the event loop for a second: this many take 10 ms. Offers count
# like providers: each has its own windows.
REFRESHED_AT_ONCE = 100


@attrs.define(eq=False)
class PublicationSchedule:
    """Times in trio seconds. changed: there is an unpublished change."""

    changed: bool = True
    published: float = -float("inf")
    refreshed: float = -float("inf")  # when some unchanged ones were refreshed too

    def is_refresh_due(self, now: float, targets: int) -> bool:
        """Return whether numbers that change with time alone are to be computed again."""
        return now >= self.refreshed + refresh_gap(targets)

    def note(self, now: float, *, refreshed: bool) -> None:
        """Note that a snapshot was published."""
        self.changed, self.published = False, now
        if refreshed:
            self.refreshed = now

    def next(self, providers: int, targets: int, changes_at: float, *, urgent: bool) -> float:
        """Return when to publish next.

        targets: the providers and all their offers. changes_at: when time alone changes something.
        urgent: what changed is what everybody waits for, the end of the first sweep.
        """
        if self.changed and urgent:
            return self.published
        if providers < MANY_PROVIDERS:
            soonest = self.published + COALESCE_SECONDS_EACH * providers
        else:
            soonest = next_wake(self.published)
        if self.changed:
            return soonest
        return max(soonest, min(changes_at, self.refreshed + refresh_gap(targets)))

    def overdue_seconds(self, now: float) -> float:
        """Return by how much the next snapshot is late."""
        return max(now - self.published - REFRESH_SECONDS, 0.0)


def refresh_gap(targets: int) -> float:
    """Return the seconds between two turns, so that each target has one in REFRESH_SECONDS."""
    return REFRESH_SECONDS * min(REFRESHED_AT_ONCE / max(targets, 1), 1.0)
