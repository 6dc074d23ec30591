"""The text of messages: what, whose fault, since when, what still works, what to do. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import attrs

from tracker.alerts.plain_text import plain_text
from tracker.alerts.policy import Announcement
from tracker.alerts.serving import RankOffers, best_offer, serve_model
from tracker.core.incidents import Cause, Incident, MessageKind
from tracker.core.outcomes import KeyState, OutcomeKind
from tracker.core.provider_status import ProviderStatus
from tracker.core.snapshot import Snapshot

MOST_INCIDENTS = 10  # described in one message: chats cut off after 2,000 characters
MOST_NAMES = 8  # in a sentence; nobody reads more on a phone
REASON_LENGTH = 120  # characters of a reason when there are several

FAULTS = {
    Cause.PROVIDER: "the provider's",
    Cause.OFFER: "the provider's, for this one model; the provider itself answers",
    Cause.KEY: "ours: our key or our account there",
    Cause.NOTHING_USABLE: "several: see each provider above",
    Cause.NETWORK: "our own network's, not the providers'",
    Cause.TRACKER: "the tracker's own; the state of the providers is not known until it recovers",
}
_TITLES = {
    Cause.PROVIDER: "{subject} is down",
    Cause.OFFER: "{subject} is down",
    Cause.KEY: "{subject}: key refused or quota used up",
    Cause.NOTHING_USABLE: "No provider is usable",
    Cause.NETWORK: "Our network reaches no provider",
    Cause.TRACKER: "The tracker gets no results",
}
_MANY = {
    Cause.PROVIDER: "{count} providers are down",
    Cause.OFFER: "{count} models are down",
    Cause.KEY: "{count} providers: keys refused or quota used up",
}
_ENDS = {
    Cause.PROVIDER: "{subject} is up again",
    Cause.OFFER: "{subject} is up again",
    Cause.KEY: "{subject}: the key works again",
    Cause.NOTHING_USABLE: "Providers are usable again",
    Cause.NETWORK: "Our network works again",
    Cause.TRACKER: "The tracker gets results again",
}
_MANY_ENDS = {
    Cause.PROVIDER: "{count} providers are up again",
    Cause.OFFER: "{count} models are up again",
    Cause.KEY: "{count} providers: keys work again",
}


def title_of(announcement: Announcement) -> str:
    """Say it in one line."""
    first, count = announcement.incidents[0], len(announcement.incidents)
    over = announcement.kind is MessageKind.RESOLVED
    one, many = (_ENDS, _MANY_ENDS) if over else (_TITLES, _MANY)
    template = many.get(first.cause) if count > 1 else None
    title = (template or one[first.cause]).format(
        subject=plain_text(first.subject, 80), count=count
    )
    prefix = {MessageKind.REMINDER: "Still: ", MessageKind.RESOLVED: "Resolved: "}
    return prefix.get(announcement.kind, "") + title


@attrs.frozen
class Telling:
    """One message and the data it is written from."""

    kind: MessageKind
    incidents: Sequence[Incident]
    snapshot: Snapshot
    now: datetime
    status_pages: Mapping[str, str]
    rank_offers: RankOffers | None = None

    @property
    def first(self) -> Incident:
        return self.incidents[0]

    def lines(self) -> Iterator[str]:
        """Yield one sentence a line, the most important first."""
        yield from self._what()
        if self.kind is MessageKind.RESOLVED:
            yield self._best()
            yield from self._still_wrong()
            return
        yield f"Whose fault: {self._fault()}."
        yield self._serving()
        yield self._best()
        yield from self._until()
        yield f"What to do: {self._advice()}"
        if len(self.incidents) == 1 or self.first.provider is None:
            yield f"To acknowledge: provider-status ack {self.first.id}"

    def _what(self) -> Iterator[str]:
        over = self.kind is MessageKind.RESOLVED
        for each in self.incidents[:MOST_INCIDENTS]:
            summary = each.summary.rstrip(". ")
            yield self._over(each) if over else f"{summary}, {self._since(each)}."
        if len(self.incidents) > MOST_INCIDENTS:
            yield f"And {len(self.incidents) - MOST_INCIDENTS} more."
        if self.first.cause is Cause.NOTHING_USABLE and not over:
            yield from self._barred()

    def _barred(self) -> Iterator[str]:
        """Yield why each of the others cannot be used: a limit is no incident of its own."""
        named = {each.provider for each in self.incidents}
        left = [each for each in self.snapshot.ranking.excluded if each.provider not in named]
        for each in left[: max(MOST_INCIDENTS - len(self.incidents), 0)]:
            name = plain_text(each.provider, 80)
            reason = plain_text(each.reason, REASON_LENGTH).rstrip(". ")
            yield f"{name} cannot be used: {reason}."

    def _since(self, incident: Incident) -> str:
        times = len(incident.changes)
        again = f", it came and went {times} times" if incident.flapping else ""
        lasted = say_duration(self.now - incident.opened_at)
        return f"since {self._moment(incident.opened_at)} UTC ({lasted}{again})"

    def _over(self, incident: Incident) -> str:
        lasted = say_duration((incident.closed_at or self.now) - incident.opened_at)
        return f"Over: {plain_text(incident.subject, 80)}, after {lasted}."

    def _moment(self, at: datetime) -> str:
        same_day = at.date() == self.now.date()
        return f"{at:%H:%M:%S}" if same_day else f"{at:%Y-%m-%d %H:%M:%S}"

    def _fault(self) -> str:
        many = len(self.incidents) > 1 and self.first.cause is Cause.PROVIDER
        return "the providers', or of what they share" if many else FAULTS[self.first.cause]

    def _serving(self) -> str:
        if self.first.cause is Cause.OFFER and len(self.incidents) == 1:
            model = self.first.subject.removeprefix(f"{self.first.provider}/")
            others = serve_model(model, self.snapshot, without=self.first.provider)
            shown = plain_text(model, 80)
            if others:
                return f"{shown} is still served by: {list_names(others)}."
            return f"No other watched provider serves {shown}."
        down = {each.provider for each in self.incidents if each.cause is not Cause.OFFER}
        ranked = self.snapshot.ranking.ranked
        usable = [each.provider for each in ranked if each.provider not in down]
        return f"Still usable: {list_names(usable)}." if usable else "Nothing else is usable."

    def _best(self) -> str:
        best = self.snapshot.ranking.best
        if best is None:
            return "/best names no provider: it answers 503 and says why."
        if self.first.cause is Cause.OFFER and self.kind is not MessageKind.RESOLVED:
            return f"{self._best_offer()}; without a model /best names {plain_text(best, 80)}."
        return f"/best names {plain_text(best, 80)} now."

    def _best_offer(self) -> str:
        model = self.first.subject.removeprefix(f"{self.first.provider}/")
        if self.rank_offers is None or len(self.incidents) > 1:
            return "/best?model= leaves it out"
        best, shown = best_offer(model, self.snapshot, self.rank_offers), plain_text(model, 80)
        if best is None:
            return f"/best?model={shown} answers 503"
        return f"/best?model={shown} names {plain_text(f'{best.provider}/{best.model}', 120)}"

    def _until(self) -> Iterator[str]:
        """Say when known resets make providers usable again."""
        if self.first.cause is Cause.NOTHING_USABLE:
            views: Iterable[ProviderStatus | None] = self.snapshot.providers.values()
        else:
            names = dict.fromkeys(each.provider or "" for each in self.incidents)
            views = (self.snapshot.providers.get(name) for name in names)
        known = [(view.usable_at, view.name) for view in views if view and view.usable_at]
        for at, name in sorted(each for each in known if each[0] > self.now)[:MOST_NAMES]:
            yield f"{plain_text(name, 80)} may be used again at {self._moment(at)} UTC."

    def _still_wrong(self) -> Iterator[str]:
        ended = {each.id for each in self.incidents}
        subjects = dict.fromkeys(
            each.subject
            for each in self.snapshot.incidents.incidents
            if each.closed_at is None and each.absent_since is None and each.id not in ended
        )
        if subjects:
            yield f"Still wrong: {list_names(list(subjects))}."

    def _advice(self) -> str:
        cause, usable = self.first.cause, self.snapshot.ranking.best is not None
        if cause is Cause.PROVIDER:
            rest = (
                "nothing, calls go to other providers"
                if usable
                else "wait, or add another provider"
            )
            pages = [self.status_pages.get(each.provider or "") for each in self.incidents]
            shown = ", ".join(dict.fromkeys(page for page in pages if page))
            return f"{rest}; their status page: {shown}" if shown else f"{rest}."
        if cause is Cause.KEY:
            return self._key_advice()
        return _ADVICE[cause]

    def _key_advice(self) -> str:
        view = self.snapshot.providers.get(self.first.provider or "")
        states = {key.state for key in view.keys} if view else set()
        spent = KeyState.SPENT in states or (view and view.outcome is OutcomeKind.QUOTA_EXHAUSTED)
        refused = KeyState.REFUSED in states or (view and view.outcome is OutcomeKind.AUTH)
        if spent and not refused:
            return "add credit or upgrade the plan there, or wait for the reset if there is one."
        if refused and not spent:
            return "put a valid key into its variable (`provider-status providers` names it)."
        return "renew the key or its credit (`provider-status providers` names its variable)."


_ADVICE = {
    Cause.OFFER: "send this model's calls to another provider, or use another model.",
    Cause.NOTHING_USABLE: "wait until one recovers, or add a key for another provider.",
    Cause.NETWORK: "check this machine's DNS, route, proxy and firewall.",
    Cause.TRACKER: "look at /api/providers/health and the log; restart it if this goes on.",
}


def say_duration(lasted: timedelta) -> str:
    """Say a duration as people do: 40 s, 12 min, 3 h 5 min, 2 d 4 h."""
    seconds = max(int(lasted.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if hours == 0:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if days == 0 else f"{days} d {hours % 24} h"


def list_names(names: Sequence[str]) -> str:
    """List the first of many names."""
    shown = ", ".join(plain_text(name, 80) for name in names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
