"""Rate limits stated in headers: one reader for all providers' header names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from tracker.core.rate_limits import LimitReading
from tracker.probes.limits.values import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    WEEK,
    amount,
    reading,
    wait,
    window,
)

Headers = Sequence[tuple[str, str]]

VALUE_LENGTH = 1024  # a longer header is not a limit, and read in part it could be misread

_UNITS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY}
_UNITS |= {"week": WEEK, "month": MONTH}
# Headers without a window, by what they count (first word). Groq's requests are per day,
# its tokens per minute (console.groq.com/docs/rate-limits); the others' per second.
_WINDOWS = {
    "groq": {"requests": DAY, "tokens": MINUTE},
    "together": {"requests": SECOND, "tokens": SECOND},
    "fireworks": {"tokens": SECOND},
}

_FIELD = re.compile(
    r"(?:x-)?(?P<counts>rate-?limit|tokenlimit)-(?P<field>limit|remaining|reset)"
    r"(?:-(?P<suffix>[a-z0-9-]{1,40}))?"
)
_ANTHROPIC = re.compile(
    r"(?P<counts>anthropic)-ratelimit-(?P<suffix>[a-z0-9-]{1,40})-(?P<field>limit|remaining|reset)"
)
# Used shares of five hours and of seven days (Claude's subscriptions).
_UNIFIED = re.compile(
    r"anthropic-ratelimit-unified-(?P<count>\d{1,3})(?P<unit>[hd])-(?P<field>utilization|reset)"
)
_UNIFIED_UNITS = {"h": HOUR, "d": DAY}
# LiteLLM forwards its upstream's headers with this prefix, and only some of them without it.
FORWARDED = "llm_provider-"
_WINDOW = re.compile(rf"_(?:(?P<count>\d{{1,4}})_)?(?P<unit>{'|'.join(_UNITS)})s?$")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+", re.ASCII)
# Alternatives start with different characters, so a text can match in only one way.
_MEMBER = re.compile(r'(?:"[^"]*"|[^",])+')
_PART = re.compile(r'(?:"[^"]*"|[^";])+')


@attrs.define
class _Told:
    """All header values for one limit, as text; ``policies``: quotas and their windows."""

    limit: list[str] = attrs.field(factory=list)
    remaining: list[str] = attrs.field(factory=list)
    reset: list[str] = attrs.field(factory=list)
    policies: list[tuple[str, str]] = attrs.field(factory=list)


def header_readings(headers: Headers, *, now: datetime, provider: str) -> Iterator[LimitReading]:
    """Return every limit the headers tell, each name once."""
    told: dict[str, _Told] = defaultdict(_Told)
    for name, value in strip_forwarded(headers):
        if len(value) <= VALUE_LENGTH:
            _note(told, name, value)
    yield from _unified_readings(headers, now)
    for name, values in told.items():
        if (one := _settle(name, values, now=now, provider=provider)) is not None:
            yield one


def strip_forwarded(headers: Headers) -> Iterator[tuple[str, str]]:
    """Yield the headers; those a gateway forwards under a prefix where it has none of its own."""
    own = {name for name, _ in headers}
    for name, value in headers:
        plain = name.removeprefix(FORWARDED)
        if plain == name or plain not in own:
            yield plain, value


def _unified_readings(headers: Headers, now: datetime) -> Iterator[LimitReading]:
    told: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for name, value in headers:
        if len(value) <= VALUE_LENGTH and (found := _UNIFIED.fullmatch(name)):
            told[found["count"], found["unit"]][found["field"]] = value
    for (count, unit), values in told.items():
        used = amount(values.get("utilization"))
        if used is None:
            continue
        one = reading(
            f"unified_{count}{unit}",
            limit=["100"],
            remaining=[f"{100.0 * (1.0 - min(used, 1.0)):.4f}"],
            reset=[values["reset"]] if "reset" in values else [],
            window_seconds=window(int(count) * _UNIFIED_UNITS[unit]),
            now=now,
        )
        if one is not None:
            yield one


def _note(told: dict[str, _Told], name: str, value: str) -> None:
    if name == "ratelimit":
        _note_ietf(told, value)
    elif name == "ratelimit-policy":
        _note_policies(told, value)
    elif found := _FIELD.fullmatch(name) or _ANTHROPIC.fullmatch(name):
        limit = told[_name(found["counts"], found["suffix"] or "")]
        if found["field"] == "reset":
            limit.reset += _resets(value)
        else:
            _note_amount(limit, found["field"], value)


def _name(counts: str, suffix: str) -> str:
    """Normalise a name: ``req-10-second`` becomes ``requests_10_second``."""
    words = ["requests" if word == "req" else word for word in suffix.split("-") if word]
    if not words or words[0] in _UNITS or words[0].isdigit() or words[0] == "dynamic":
        words.insert(0, "tokens" if counts == "tokenlimit" else "requests")
    return "_".join(words)


def _resets(value: str) -> list[str]:
    """Return the value, and each part of several joined on the way (a date holds a comma too)."""
    return [value, *value.split(",")] if "," in value else [value]


def _note_amount(limit: _Told, field: str, value: str) -> None:
    """Note a number, or several, joined; in a limit also policies (``100, 100;w=60``)."""
    if _THOUSANDS.fullmatch(value.strip()):  # "1,000" may also mean 1 and 000: do not guess
        value = ""
    members = list(_members(value)) or [("", {})]
    limit.policies += [(label, params["w"]) for label, params in members if "w" in params]
    plain = [label for label, params in members if "w" not in params]
    getattr(limit, field).extend(plain or [label for label, _ in members])


def _note_ietf(told: dict[str, _Told], value: str) -> None:
    """Note ``"api";r=0;t=55``, and the older ``limit=100, remaining=5, reset=50``."""
    for label, params in _members(value):
        limit = told[_slug(label)]
        limit.limit += _values(params, "limit", "q")
        limit.remaining += _values(params, "remaining", "r")
        limit.reset += _values(params, "reset", "t")


def _note_policies(told: dict[str, _Told], value: str) -> None:
    """Note ``"fixed window";"api";q=500;w=300``, and the older ``500;w=300``."""
    for label, params in _members(value):
        if amount(label) is None:
            told[_slug(label)].policies.append((params.get("q", ""), params.get("w", "")))
        else:
            told[_slug("")].policies.append((label, params.get("w", "")))


def _members(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each member's label and parameters.

    Of several labels the last (HuggingFace's policy).
    """
    for member in _MEMBER.findall(value):
        label, params = "", {}
        for part in map(str.strip, _PART.findall(member)):
            key, equals, text = part.partition("=")
            if part.startswith('"') or not equals:
                label = part.strip('" ') or label
            else:
                params[key.strip().lower()] = text.strip('" ')
        yield label, params


def _values(params: dict[str, str], *keys: str) -> list[str]:
    return [params[key] for key in keys if key in params]


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", label.lower())[:40].strip("_") or "requests"


def _settle(name: str, told: _Told, *, now: datetime, provider: str) -> LimitReading | None:
    policy = _policy(told)
    return reading(
        name,
        limit=told.limit or policy[:1],
        remaining=told.remaining,
        reset=told.reset,
        window_seconds=window(policy[1]) if policy else _window(name, provider),
        now=now,
    )


def _policy(told: _Told) -> tuple[str, ...]:
    """Return the one policy the limit follows.

    Empty where none is told, or several could be meant.
    """
    policies = sorted(set(told.policies))
    if told.limit:
        quotas = [amount(text) for text in told.limit]
        policies = [policy for policy in policies if amount(policy[0]) in quotas]
    return policies[0] if len(policies) == 1 else ()


def _window(name: str, provider: str) -> float | None:
    """Return seconds, out of the name's last words, else what the provider means by it."""
    if tail := _WINDOW.search(name):
        return window(int(tail["count"] or 1) * _UNITS[tail["unit"]])
    return _WINDOWS.get(provider, {}).get(name.partition("_")[0])


def retry_after(headers: Headers, *, now: datetime) -> float | None:
    """Return seconds the headers ask to wait, not negative; None if not given or unreadable.

    ``retry-after-ms`` is the exact form of the same; of contradicting ones the longest counts.
    """
    plain = list(strip_forwarded(headers))
    exact = [amount(value) for name, value in plain if name == "retry-after-ms"]
    if waits := [one / 1000.0 for one in exact if one is not None]:
        return max(waits)
    told: Iterable[float | None] = (
        wait(value, now) for name, value in plain if name == "retry-after"
    )
    if waits := [one for one in told if one is not None]:
        return max(0.0, *waits)
    return None
