"""Times in sentences: "try again in 1h2m3s", "regain access on 2026-04-01 at 00:00 UTC"."""

import re
from datetime import UTC, datetime, timedelta, timezone

from tracker.probes.limits.values import DAY, HORIZON, HOUR, MINUTE, WEEK

LENGTH = 1000  # characters read, as many as are searched for words

# Zhipu uses Beijing time without naming the zone (hugalafutro/model-hotel#955).
BEIJING = timezone(timedelta(hours=8))

_UNITS = {
    **dict.fromkeys(("ms", "millisecond"), 0.001),
    **dict.fromkeys(("s", "sec", "second", "秒"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "分钟"), MINUTE),
    **dict.fromkeys(("h", "hr", "hour", "小时"), HOUR),
    **dict.fromkeys(("d", "day", "天"), DAY),
    **dict.fromkeys(("w", "week", "周"), WEEK),
}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
# A part ends with its unit, and parts follow each other: "5 days 22 hours", "1h2m3.5s".
_PART = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,9}})?) ?({_UNIT})s?(?![a-z])")
_BEGINNING = re.compile(
    r"(?:again|retry|resets?|wait|available|access|back)\s{0,3}(?:in|after|for)?\s{1,3}"
    r"(?:about |approximately )?(?=\d)"
)
# A date may mean something else: when a model is retired, when a key was created.
_ENDS = re.compile(
    "reset|regain|again|until|refresh|renew|restor|resume|重置|恢复|刷新", re.IGNORECASE
)
JOINT = 6  # characters allowed between two parts, as in "1 week, and 2 days"
BEFORE, AFTER = 40, 8  # characters around a date that say what it means
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:(?:T| at | )(\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?)?"
    r" ?(Z|UTC|GMT|[+-]\d\d:\d\d)?",
)


def seconds_told(text: str) -> float | None:
    """Return the duration that a sentence asks to wait, in seconds; None where none is told."""
    text = text[:LENGTH].lower()
    begin = _BEGINNING.search(text)
    return None if begin is None else _duration(text, begin.end())


def _duration(text: str, at: int) -> float | None:
    total, parts = 0.0, 0
    while parts < len(_UNITS) and (part := _PART.match(text, at)):
        total += float(part[1]) * _UNITS[part[2]]
        at, parts = part.end(), parts + 1
        at += len(text[at : at + JOINT]) - len(text[at : at + JOINT].lstrip(" ,and"))
    return total if parts else None


def reset_told(text: str, *, now: datetime, beijing: bool = False) -> float | None:
    """Return the seconds until a limit ends, as a text says; None where it says none.

    beijing: a time without a zone is the one there, as it is in a Chinese text. Of several
    moments the last: the safer one.
    """
    text = text[:LENGTH]
    zone = BEIJING if beijing or not text.isascii() else UTC
    ahead = [
        seconds
        for match in _DATE.finditer(text)
        if _ENDS.search(text[max(0, match.start() - BEFORE) : match.end() + AFTER])
        and (seconds := _until(match, now, zone)) is not None
        and 0.0 < seconds <= HORIZON
    ]
    return max(ahead, default=None)


def _until(match: re.Match[str], now: datetime, zone: timezone) -> float | None:
    day, clock, told = match.groups()
    offset = {"Z": "+00:00", "UTC": "+00:00", "GMT": "+00:00"}.get(told or "", told or "")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{offset}")
    except ValueError:  # for example 31 February
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - now).total_seconds()
