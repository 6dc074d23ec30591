"""[[maintenance]]: validating spans of time and weekly windows."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

import attrs

from tracker.config.alerts_schema import MaintenanceTable
from tracker.config.errors import ConfigProblem, format_key_path, format_value
from tracker.core.settings import MaintenanceWindow, WeeklyWindow

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKLY = "days and a time, for example Sun 02:00-04:00 or Mon-Fri 22:00-06:00"
# Outside these years, arithmetic on dates may overflow.
YEARS = range(2000, 2200)
_WEEKLY = re.compile(r"\s*([A-Za-z,\s-]+?)\s+(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)\s*")


@attrs.frozen(kw_only=True)
class ResolvedMaintenance:
    windows: tuple[MaintenanceWindow, ...] = ()
    mistakes: tuple[ConfigProblem, ...] = ()


def resolve_maintenance(
    tables: tuple[MaintenanceTable, ...], providers: Collection[str]
) -> ResolvedMaintenance:
    """Read the windows. ``providers``: the names that exist here or in the catalogue."""
    windows, mistakes = list[MaintenanceWindow](), list[ConfigProblem]()
    for number, table in enumerate(tables):
        found = list(_mistakes(number, table, providers))
        mistakes += found
        if not found:
            windows.append(_window(table))
    return ResolvedMaintenance(windows=tuple(windows), mistakes=tuple(mistakes))


def _window(table: MaintenanceTable) -> MaintenanceWindow:
    zone = table.timezone or "UTC"
    weekly = None if table.weekly is None else _parse_weekly(table.weekly, zone)
    return MaintenanceWindow(
        providers=table.providers or (),
        start=None if table.start is None else _aware(table.start, zone),
        end=None if table.end is None else _aware(table.end, zone),
        weekly=weekly,
    )


def _mistakes(
    number: int, table: MaintenanceTable, providers: Collection[str]
) -> Iterator[ConfigProblem]:
    def problem(key: str, value: object, what: str, **more: str | None) -> ConfigProblem:
        path = format_key_path(("maintenance", number, key))
        return ConfigProblem(key=path, value=format_value(value), problem=what, **more)

    yield from _zone_mistakes(number, table)
    for name in table.providers or ():
        if name not in providers:
            near = next(iter(get_close_matches(name, providers, n=1)), None)
            yield problem("providers", name, "no such provider", nearest=near)
    if table.providers == ():
        yield problem(
            "providers",
            [],
            "the list is empty",
            allowed="names; leave the key out for all providers",
        )
    if table.weekly is not None:
        if table.start is not None or table.end is not None:
            yield problem(
                "weekly",
                table.weekly,
                "start or end is given as well",
                allowed="either weekly or start and end",
            )
        if _parse_weekly(table.weekly, "UTC") is None:
            yield problem("weekly", table.weekly, "not a weekly window", allowed=WEEKLY)
        return
    if table.start is None or table.end is None:
        key = "start" if table.start is None else "end"
        path = format_key_path(("maintenance", number, key))
        yield ConfigProblem(key=path, problem="missing", allowed="start and end, or weekly")
        return
    yield from _span_mistakes(number, table.start, table.end, table.timezone)


def _span_mistakes(
    number: int, start: datetime, end: datetime, zone: str | None
) -> Iterator[ConfigProblem]:
    usable = True
    for key, at in (("start", start), ("end", end)):
        wrong = None
        if at.year not in YEARS:
            wrong = f"its year must be from {YEARS.start} to {YEARS.stop - 1}"
        elif at.tzinfo is None and zone is None:
            wrong = "it has no time zone: add Z or an offset, or set timezone"
        if wrong:
            usable = False
            path = format_key_path(("maintenance", number, key))
            yield ConfigProblem(key=path, value=at.isoformat(), problem=wrong)
    known = zone is None or _is_zone(zone)
    if usable and known and _aware(end, zone or "UTC") <= _aware(start, zone or "UTC"):
        path = format_key_path(("maintenance", number, "end"))
        after = f"after start ({start.isoformat()})"
        yield ConfigProblem(
            key=path, value=end.isoformat(), problem="it is not after start", allowed=after
        )


def _zone_mistakes(number: int, table: MaintenanceTable) -> Iterator[ConfigProblem]:
    if table.timezone is None or _is_zone(table.timezone):
        return
    close = get_close_matches(table.timezone, available_timezones(), n=1)
    yield ConfigProblem(
        key=format_key_path(("maintenance", number, "timezone")),
        value=format_value(table.timezone),
        problem="unknown time zone",
        allowed="a name from the IANA database, for example Europe/Berlin or UTC",
        nearest=close[0] if close else None,
    )


def _is_zone(name: str) -> bool:
    return name in available_timezones()


def _aware(at: datetime, zone: str) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))


def _parse_weekly(text: str, zone: str) -> WeeklyWindow | None:
    """Read "Sun 02:00-04:00"; None for what is not such a window."""
    found = _WEEKLY.fullmatch(text)
    if found is None:
        return None
    days = _parse_days(found[1])
    start, end = _minute(found[2], found[3]), _minute(found[4], found[5])
    if days is None or start is None or end is None or start in {end, 24 * 60}:
        return None
    return WeeklyWindow(days=days, start_minute=start, end_minute=end, timezone=zone)


def _parse_days(text: str) -> frozenset[int] | None:
    days = set[int]()
    for part in text.lower().split(","):
        names = [name.strip()[:3] for name in part.split("-")]
        if len(names) > 2 or any(name not in DAYS for name in names):
            return None
        first, last = DAYS.index(names[0]), DAYS.index(names[-1])
        days.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return frozenset(days)


def _minute(hours: str, minutes: str) -> int | None:
    minute = 60 * int(hours) + int(minutes)
    return minute if int(minutes) < 60 and minute <= 24 * 60 else None
