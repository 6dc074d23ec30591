"""All details of one provider, for a terminal."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from api.cli.sheet import (
    UNKNOWN,
    Sheet,
    clock,
    describe_offer,
    duration,
    mark,
    milliseconds,
    moment,
    percent,
    table,
)
from api.schemas import status as schemas
from api.schemas.incidents import Incident, MaintenanceSpan

WORDS = {True: "yes", False: "no", None: "not known"}


def provider_card(
    provider: schemas.Provider,
    incidents: Iterable[Incident] = (),
    maintenance: Iterable[MaintenanceSpan] = (),
) -> RenderableType:
    """Lay out everything that is known of a provider: facts, limits, keys and offers.

    incidents, maintenance: of everybody; what is over and what is others' is left out.
    """
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(no_wrap=True, style="bold")
    facts.add_column()
    wrong = _incidents(provider.provider_name, incidents)
    planned = _maintenance(provider.provider_name, maintenance)
    for name, value in (*_facts(provider), *wrong, *planned):
        facts.add_row(name, value)
    parts: list[RenderableType] = [facts]
    if provider.rate_limit.limits:
        parts += [Text(), _limits(provider.rate_limit)]
    if provider.keys:
        parts += [Text(), _keys(provider.keys)]
    if provider.offers:
        parts += [Text(), _offers(provider.offers)]
    return Group(*parts)


def _facts(one: schemas.Provider) -> Iterator[tuple[str, Text]]:
    yield "provider", Text(one.provider_name)
    yield "status", mark(one.status) + Text(_since(one))
    yield "why", Text(one.reason)
    if one.cluster_status is not None:
        yield "all vantages", mark(one.cluster_status) + Text(f": {one.cluster_reason}")
        yield from (("from " + each.name, _vantage(each)) for each in one.vantages)
    yield "usable", Text("yes" if one.usable else _why_not(one))
    yield "last check", Text(f"{clock(one.last_check)}: {one.outcome or 'none yet'}")
    yield "next check", Text(f"{clock(one.next_check)}, every {one.interval_seconds:g} s")
    yield "latency", Text(_latency(one))
    uptime = one.uptime
    yield (
        "uptime",
        Text(f"1 h {percent(uptime.hour)}, 24 h {percent(uptime.day)}, 7 d {percent(uptime.week)}"),
    )
    yield "checks in 24 h", Text(f"{one.checks_24h}, {one.completions_24h} completions")
    yield (
        "proven",
        Text(
            f"reachable {WORDS[one.reachable]}, key accepted {WORDS[one.authenticated]}, "
            f"quota left {WORDS[one.quota_available]}, answers {WORDS[one.inference]}"
        ),
    )


def _incidents(name: str, found: Iterable[Incident]) -> Iterator[tuple[str, Text]]:
    for each in found:
        if each.provider_name != name or each.closed_at is not None:
            continue
        by = f"; acknowledged by {each.acknowledged_by}" if each.acknowledged_by else ""
        muted = f"; muted until {moment(each.muted_until)} UTC" if each.muted_until else ""
        since = moment(each.opened_at)
        yield "incident", Text(f"{each.id}, since {since} UTC: {each.summary}{by}{muted}")


def _maintenance(name: str, found: Iterable[MaintenanceSpan]) -> Iterator[tuple[str, Text]]:
    """Yield the maintenance in force, and the next one that is planned."""
    now = datetime.now(UTC)
    for each in found:
        start, end = (datetime.fromisoformat(at) for at in (each.start, each.end))
        if end <= now or (each.providers and name not in each.providers):
            continue
        when = "until" if start <= now else f"planned from {moment(each.start)} to"
        yield "maintenance", Text(f"{when} {moment(each.end)} UTC")
        if start > now:
            return


def _vantage(one: schemas.Vantage) -> Text:
    age = "never checked" if one.age_seconds is None else f"{duration(one.age_seconds)} old"
    suspect = "; only this vantage sees most down, so it has no vote" if one.suspect else ""
    return mark(one.status) + Text(f": {one.reason} ({age}{suspect})")


def _since(one: schemas.Provider) -> str:
    if one.status_since is None:
        return ""
    lasted = datetime.now(UTC) - datetime.fromisoformat(one.status_since)
    return f" for {duration(lasted.total_seconds())}, since {moment(one.status_since)} UTC"


def _why_not(one: schemas.Provider) -> str:
    if not one.enabled:
        return "no: it is switched off (enabled = false)"
    return "no" if one.usable_at is None else f"not before {clock(one.usable_at)}"


def _latency(one: schemas.Provider) -> str:
    known = one.latency_ms
    if not known.samples:
        return UNKNOWN
    return (
        f"last {milliseconds(one.response_time_ms)}; in 24 h p50 {milliseconds(known.p50)}, "
        f"p95 {milliseconds(known.p95)}, max {milliseconds(known.max)}"
    )


def _limits(rate_limit: schemas.RateLimit) -> Sheet:
    estimated = "~" if rate_limit.source == "estimate" else ""
    shown = table("limits", "of", "left", "resets")
    for one in rate_limit.limits:
        shown.add_row(
            one.name,
            UNKNOWN if one.limit is None else f"{one.limit:g}",
            UNKNOWN if one.remaining is None else f"{estimated}{one.remaining:g}",
            clock(one.reset_at),
        )
    return shown


def _keys(keys: list[schemas.Key]) -> Sheet:
    shown = table("key", "state")
    for key in keys:
        shown.add_row(str(key.number), key.state.replace("_", " "))
    return shown


def _offers(offers: list[schemas.Offer]) -> Sheet:
    shown = table(
        "model", "status", "first token", "last check", "why", spare=("first token", "last check")
    )
    for offer in offers:
        shown.add_row(
            offer.model,
            mark(offer.status),
            milliseconds(offer.ttft_ms),
            clock(offer.last_check),
            describe_offer(offer.reason, offer.retires_on),
        )
    return shown
