"""History longer than one tracker's: its own checks, and the sums of the cluster's hub."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import attrs

from tracker.core.cluster import ClusterAwayError
from tracker.store import Bucket, History, StoreUnavailable

Points = Mapping[str, Sequence[Bucket]]
ReadOwn = Callable[[datetime], Awaitable[History]]
ReadHub = Callable[[datetime], Awaitable[Points]]
HOURLY_DAYS, QUARTER_DAYS = 7, 30  # up to this many days by hour, and by quarter of a day
DAY_SECONDS = 86_400
MOST_DAYS = 90  # as long as the hub keeps hours


@attrs.frozen(kw_only=True)
class LongHistory:
    """Buckets by provider, oldest first. away: why the hub's are missing; empty if they are not."""

    history: History
    away: str = ""


async def read_long_history(
    names: Collection[str],
    *,
    since: datetime,
    seconds: int,
    own: ReadOwn,
    hub: ReadHub,
) -> LongHistory:
    """Read both, in buckets of ``seconds`` from the one that holds ``since`` on.

    The hub away leaves what is our own, and our database away what the hub has. Raises
    StoreUnavailable where neither can be read.
    """
    begin = datetime.fromtimestamp(since.timestamp() // seconds * seconds, UTC)
    counted: Points = {}
    away = ""
    try:
        counted = await hub(begin)
    except ClusterAwayError as error:
        away = str(error)
    try:
        kept = cast("Points", (await own(begin)).providers)
    except StoreUnavailable:
        if away:
            raise
        kept = {}
    merged = {name: merge(kept.get(name, ()), counted.get(name, ())) for name in names}
    return LongHistory(history=History(resolution_seconds=seconds, providers=merged), away=away)


def merge(own: Sequence[Bucket], hub: Sequence[Bucket]) -> tuple[Bucket, ...]:
    """Take each bucket from the side with more checks in it; exact figures before counted ones.

    The hub is up to an hour behind, and does not know what waits for it; our own file may be
    younger than the cluster, or keep less.
    """
    best = {bucket.at: bucket for bucket in hub}
    for bucket in own:
        known = best.get(bucket.at)
        if known is None or bucket.checks >= known.checks:
            best[bucket.at] = bucket
    return tuple(best[at] for at in sorted(best))


def resolution_of(days: int) -> int:
    """Return the seconds of a bucket for so many days: some hundred points at most."""
    if days <= HOURLY_DAYS:
        return 3_600
    return 21_600 if days <= QUARTER_DAYS else DAY_SECONDS
