"""Finding what is wrong in one snapshot: the conditions that make incidents. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import attrs

from tracker.alerts.plain_text import plain_text
from tracker.alerts.watched_views import WatchedViews
from tracker.core.incidents import Cause
from tracker.core.outcomes import KeyState, OutcomeKind, Status
from tracker.core.provider_status import OfferStatus, ProviderStatus
from tracker.core.snapshot import Snapshot
from tracker.health.status_rules import OUR_NETWORK, describe_outcome

Key = tuple[Cause, str]
Views = Sequence[ProviderStatus]

# A snapshot is published at least once a minute; three missed ones are more than a delay.
SILENT_SECONDS = 180.0
_KEY_OUTCOMES = frozenset({OutcomeKind.AUTH, OutcomeKind.QUOTA_EXHAUSTED})
_BAD_KEYS = {KeyState.REFUSED: "refused", KeyState.SPENT: "spent"}
ALL, NETWORK, TRACKER = "all providers", "our network", "the tracker"


@attrs.frozen(kw_only=True)
class Condition:
    """Something that is wrong now. ``since``: the first failed check, if known."""

    cause: Cause
    subject: str
    provider: str | None = None
    since: datetime
    summary: str

    @property
    def key(self) -> Key:
        """Return ``(cause, subject)``: one incident at a time is open for it."""
        return self.cause, self.subject


@attrs.frozen(kw_only=True)
class Findings:
    """The conditions in a snapshot. About unclear providers, causes and conditions nothing is known
    now, so earlier problems may persist. clear: providers whose last check was conclusive.
    """

    present: Mapping[Key, Condition] = attrs.field(factory=dict)
    unclear_providers: frozenset[str] = frozenset()
    unclear_causes: frozenset[Cause] = frozenset()
    unclear: frozenset[Key] = frozenset()
    clear: frozenset[str] = frozenset()

    def is_unclear(self, key: Key, provider: str | None) -> bool:
        """Return whether an incident of this can neither open nor close now."""
        return (
            key in self.unclear
            or key[0] in self.unclear_causes
            or provider in self.unclear_providers
        )


NOTHING_KNOWN = Findings(unclear_causes=frozenset(Cause))


def find_conditions(
    snapshot: Snapshot, now: datetime, known: WatchedViews | None = None
) -> Findings:
    """Find what is wrong now.

    known: the views that were looked at last; kept up to date here, so that among thousands only
    those that changed are looked at again.
    """
    known = WatchedViews() if known is None else known
    watched = known.enabled_in(snapshot)
    if not snapshot.swept:
        return NOTHING_KNOWN
    if blind := _blind(snapshot, watched, now):
        return _only(blind)
    found = [_network(watched, now)] if snapshot.network_away else [*_nothing_usable(watched, now)]
    unclear: set[str] = set()
    unclear_keys: set[Key] = set()
    for view in known.take_restless(watched, _is_calm):
        found += _provider_conditions(view, now)
        unclear_keys.update(_unclear_keys(view))
        if _is_unclear(view):
            unclear.add(view.name)
    return Findings(
        present={condition.key: condition for condition in found},
        unclear_providers=frozenset(unclear),
        unclear_causes=frozenset({Cause.NOTHING_USABLE}) if snapshot.network_away else frozenset(),
        unclear=frozenset(unclear_keys),
        clear=known.names - unclear if unclear else known.names,
    )


def _is_calm(view: ProviderStatus) -> bool:
    """Return whether nothing is wrong or unclear at it, whenever it is looked at."""
    if _is_unclear(view) or view.status is Status.DOWN or view.offers:
        return False
    return _key_trouble(view) is None


def _only(condition: Condition) -> Findings:
    """Return the only condition there is, since nothing else can be judged meanwhile."""
    others = frozenset(Cause) - {condition.cause}
    return Findings(present={condition.key: condition}, unclear_causes=others)


def _is_unclear(view: ProviderStatus) -> bool:
    ours = view.outcome is not None and view.outcome.is_ours
    return view.status is Status.UNKNOWN or ours


def _unclear_keys(view: ProviderStatus) -> Iterator[Key]:
    """Yield what the last check could not tell: a provider that is down hides all behind it."""
    down = view.status is Status.DOWN
    if down and view.outcome is not OutcomeKind.AUTH:
        yield Cause.KEY, view.name
    for offer in view.offers:
        ours = offer.outcome is not None and offer.outcome.is_ours
        if down or ours or offer.status is Status.UNKNOWN:
            yield Cause.OFFER, f"{view.name}/{offer.model}"


def _blind(snapshot: Snapshot, watched: Views, now: datetime) -> Condition | None:
    summary = None
    if (now - snapshot.timestamp).total_seconds() > SILENT_SECONDS:
        summary = f"the tracker has published nothing since {snapshot.timestamp:%H:%M:%S} UTC"
    elif watched and all(v.status is Status.UNKNOWN and not _blames_network(v) for v in watched):
        summary = f"the tracker gets no results: {plain_text(watched[0].reason)}"
    if summary is None:
        return None
    since = max((v.last_check for v in watched if v.last_check), default=snapshot.timestamp)
    return Condition(cause=Cause.TRACKER, subject=TRACKER, since=since, summary=summary)


def _network(watched: Views, now: datetime) -> Condition:
    blaming = [view for view in watched if _blames_network(view)]
    since = min((view.last_check for view in blaming if view.last_check), default=now)
    summary = f"our network reaches no provider: {len(blaming)} could not be checked"
    return Condition(cause=Cause.NETWORK, subject=NETWORK, since=min(since, now), summary=summary)


def _blames_network(view: ProviderStatus) -> bool:
    return OUR_NETWORK in view.reason or view.error_message.startswith(OUR_NETWORK)


def _nothing_usable(watched: Views, now: datetime) -> Iterator[Condition]:
    if not watched or any(view.usable for view in watched):
        return
    since = max(_since(view, now) for view in watched)
    summary = f"nothing is usable: none of {len(watched)} providers can be used now"
    if len(watched) == 1:
        summary = f"nothing is usable: the only provider, {plain_text(watched[0].name)}, is not"
    yield Condition(cause=Cause.NOTHING_USABLE, subject=ALL, since=since, summary=summary)


def _provider_conditions(view: ProviderStatus, now: datetime) -> Iterator[Condition]:
    if view.status is Status.UNKNOWN:
        return
    if trouble := _key_trouble(view):
        yield _about(view, Cause.KEY, f"{view.name}: {trouble}", now)
    if view.status is Status.DOWN and view.outcome is not OutcomeKind.AUTH:
        yield _about(view, Cause.PROVIDER, f"{view.name} is down: {_why(view)}", now)
        return  # its offers are down too
    for offer in view.offers:
        if offer.status is Status.DOWN:
            yield _about_offer(view, offer, now)


def _about(view: ProviderStatus, cause: Cause, summary: str, now: datetime) -> Condition:
    return Condition(
        cause=cause,
        subject=view.name,
        provider=view.name,
        since=_since(view, now),
        summary=plain_text(summary),
    )


def _about_offer(view: ProviderStatus, offer: OfferStatus, now: datetime) -> Condition:
    return Condition(
        cause=Cause.OFFER,
        subject=f"{view.name}/{offer.model}",
        provider=view.name,
        since=min(offer.failing_since or offer.last_check or now, now),
        summary=plain_text(f"{offer.model} at {view.name} is down: {offer.reason}"),
    )


def _key_trouble(view: ProviderStatus) -> str | None:
    """Say which key is refused or spent, None while none is."""
    bad = [(key.number, _BAD_KEYS[key.state]) for key in view.keys if key.state in _BAD_KEYS]
    if len(view.keys) > 1 and bad:
        return ", ".join(f"key {number} is {state}" for number, state in bad)
    if bad:
        return f"its key is {bad[0][1]}"
    if view.outcome in _KEY_OUTCOMES:
        return describe_outcome(view.outcome, view.error_message)
    return None


def _why(view: ProviderStatus) -> str:
    return describe_outcome(view.outcome, view.error_message) if view.outcome else view.reason


def _since(view: ProviderStatus, now: datetime) -> datetime:
    """Return the first failed check; never a moment that is still to come."""
    return min(view.failing_since or view.last_check or now, now)
