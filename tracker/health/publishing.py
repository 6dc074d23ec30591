"""What the latest snapshot shows about a provider: rebuilt when something changed. Pure."""

from typing import TYPE_CHECKING

import attrs

from tracker.core.clock import ClockReading
from tracker.core.provider_status import OfferStatus, ProviderStatus
from tracker.core.ranking import Excluded
from tracker.health.provider_view import build_entry, build_view
from tracker.ranking.policy import SAMPLES, Candidate, Sample

if TYPE_CHECKING:
    from tracker.health.provider_state import ProviderState


@attrs.define(eq=False)
class Published:
    """What the latest snapshot shows about a provider, kept so that unchanged parts are reused.

    changes_at: steady seconds at which time alone changes the view.
    """

    view: ProviderStatus | None = None
    offers: tuple[OfferStatus, ...] = ()
    entry: Candidate | Excluded | None = None
    changes_at: float = float("inf")


def publish(state: "ProviderState", now: ClockReading) -> ProviderStatus:
    """Publish a provider's view now; the same object while nothing in it changed."""
    target, published = state.target, state.published
    target.statistics.advance(now.at.timestamp())
    judgement = target.judgement if state.touched else None
    if judgement is None:
        judgement = target.judge(state.settings(state.given_up), now)
    target.note_status(judgement.decision.status, now.at)
    view = build_view(state, judgement, now)
    if state.offers or view.offers:
        view = attrs.evolve(view, offers=_publish_offers(state, view, now))
    if state.others is not None:
        view = state.others.add_to(view, now)
    if view != published.view:
        published.view = view
    else:
        view = published.view
    published.changes_at = min(each.next_change(now) for each in state.targets())
    if state.others is not None:
        change = state.others.next_change(state.provider.name, now.steady)
        published.changes_at = min(published.changes_at, change)
    published.entry = build_entry(
        view.name,
        view,
        target.statistics.recent,
        view.timeout_seconds,
        published.entry,
        enabled=view.enabled,
        related=_offer_samples(state),
    )
    state.touched = False
    return view


def _publish_offers(
    state: "ProviderState", provider: ProviderStatus, now: ClockReading
) -> tuple[OfferStatus, ...]:
    settings = state.offer_settings()
    views = tuple(offer.refresh(provider, settings, now) for offer in state.offers.values())
    if views != state.published.offers:
        state.published.offers = views
    return state.published.offers


def _offer_samples(state: "ProviderState") -> tuple[Sample, ...]:
    """Return the latest checks of its offers together, newest last."""
    samples = [s for offer in state.offers.values() for s in offer.target.statistics.recent]
    samples.sort(key=lambda sample: sample.at)
    return tuple(samples[-SAMPLES:])
