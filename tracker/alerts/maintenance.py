"""Maintenance of providers: spans, and weekly windows in local time. Pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs

from tracker.core.settings import MaintenanceWindow, WeeklyWindow

Span = tuple[datetime, datetime]


def spans_around(window: MaintenanceWindow, now: datetime) -> Iterator[Span]:
    """Yield the spans of a window that hold ``now`` or come next, in UTC, end excluded."""
    if window.weekly is not None:
        yield from _weekly_spans(window.weekly, now, now + timedelta(days=7))
    elif window.start is not None and window.end is not None:
        yield window.start, window.end


def spans_between(window: MaintenanceWindow, since: datetime, until: datetime) -> Iterator[Span]:
    """Yield the spans of a window that overlap a stretch of time, oldest first, in UTC."""
    found: Iterable[Span] = ()
    if window.weekly is not None:
        found = _weekly_spans(window.weekly, since, until)
    elif window.start is not None and window.end is not None:
        found = ((window.start.astimezone(UTC), window.end.astimezone(UTC)),)
    for start, end in found:
        if start < until and end > since:
            yield start, end


def _weekly_spans(weekly: WeeklyWindow, since: datetime, until: datetime) -> Iterator[Span]:
    """Yield from the day before, whose window may reach over midnight, to the last day."""
    zone = ZoneInfo(weekly.timezone)
    first, last = (moment.astimezone(zone).date() for moment in (since, until))
    for ahead in range(-1, (last - first).days + 1):
        day = first + timedelta(days=ahead)
        if day.weekday() in weekly.days:
            yield _span_on(weekly, day, zone)


def _span_on(weekly: WeeklyWindow, day: date, zone: ZoneInfo) -> Span:
    """Return the window of one day by the clock on the wall there.

    An hour that is shown twice is in it both times. On the night in which an hour is left out, a
    start within it is the moment of the change, and an end within it comes as much later, so that
    no window is lost.
    """
    end_day = day if weekly.end_minute > weekly.start_minute else day + timedelta(days=1)
    end = _moments(_local(end_day, weekly.end_minute, zone))
    start = _moments(_local(day, weekly.start_minute, zone))
    # For a local time skipped by a clock change, the offset before the change gives the later
    # instant.
    begin = start[0] if start[0] <= start[1] else _change_between(start[1], start[0], zone)
    return begin, max(end)


def _local(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return a local time, by the minutes that the wall clock shows; 1,440 is midnight."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (the zone follows)
    return (midnight + timedelta(minutes=minute)).replace(tzinfo=zone)


def _moments(local: datetime) -> Span:
    """Return both readings of a local time: as before a change of the clock, and as after it."""
    before, after = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return before, after


def _change_between(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """Find the moment at which the clock was changed, to the second."""
    offset = late.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle <= early or middle.astimezone(zone).utcoffset() == offset:
            late = max(middle, early + timedelta(seconds=1))
        else:
            early = middle
    return late


@attrs.frozen(kw_only=True)
class MaintenanceState:
    """The providers in maintenance from now until ``until``; None: forever.

    everybody: all providers are in maintenance.
    """

    everybody: bool = False
    providers: frozenset[str] = frozenset()
    until: datetime | None = None

    def covers(self, provider: str | None) -> bool:
        """Return whether a provider is in maintenance; None asks for all of them."""
        return self.everybody or provider in self.providers


def maintenance_at(windows: Iterable[MaintenanceWindow], now: datetime) -> MaintenanceState:
    """Compute who is in maintenance now and when that may change."""
    everybody, providers, edges = False, set[str](), list[datetime]()
    for window in windows:
        for start, end in spans_around(window, now):
            edges += [edge for edge in (start, end) if edge > now]
            if start <= now < end:
                everybody = everybody or not window.providers
                providers.update(window.providers)
    return MaintenanceState(
        everybody=everybody, providers=frozenset(providers), until=min(edges, default=None)
    )
