"""The ranking of one model's offers, by the policy that ranks providers. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import groupby

import attrs

from tracker.core.provider_status import EvidenceSource
from tracker.core.ranking import Excluded, Ranked, Ranking
from tracker.models.resolver import NamedOffer
from tracker.models.tasks import NOTHING, other_task
from tracker.ranking.policy import Candidate

Entry = Candidate | Excluded
Rank = Callable[[tuple[Candidate, ...], tuple[Excluded, ...], str | None, datetime | None], Ranking]


@attrs.frozen(kw_only=True)
class RankingEntries:
    """What rankings choose from: providers by name, offers by "provider/model".

    unproven: watched offers that have not been checked yet. tasks: by provider, what the models do
    that its list marks as not for chat.
    """

    providers: Mapping[str, Entry] = attrs.field(factory=dict)
    offers: Mapping[str, Entry] = attrs.field(factory=dict)
    unproven: AbstractSet[str] = frozenset()
    tasks: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)


def rank_offers(
    offers: Iterable[NamedOffer | str],
    entries: RankingEntries,
    rank: Rank,
    valid_until: datetime | None,
) -> Ranking:
    """Rank offers, best first, each with the id to send; a name alone is a provider as a whole.

    An offer without evidence of its own stands on its provider's, behind those of the same
    expected time that have some. Those of providers that are not watched are left out.
    """
    named = (NamedOffer(one, "") if isinstance(one, str) else one for one in offers)
    known = {
        "/".join(filter(None, (offer.provider, offer.model))): offer
        for offer in named
        if offer.provider in entries.providers
    }
    chosen = {key: _entry(key, offer, entries) for key, offer in known.items()}
    ranking = rank(
        tuple(entry for entry, _ in chosen.values() if isinstance(entry, Candidate)),
        tuple(entry for entry, _ in chosen.values() if isinstance(entry, Excluded)),
        None,
        valid_until,
    )
    lines = [_name(line, known[line.provider], chosen[line.provider][1]) for line in ranking.ranked]
    return attrs.evolve(
        ranking,
        ranked=tuple(_prefer_proven(lines)),
        excluded=tuple(_name_excluded(line, known[line.provider]) for line in ranking.excluded),
    )


def _entry(key: str, offer: NamedOffer, entries: RankingEntries) -> tuple[Entry, EvidenceSource]:
    own, provider = entries.offers.get(key), entries.providers[offer.provider]
    if own is None or key in entries.unproven:
        task = other_task(offer.model, entries.tasks.get(offer.provider, NOTHING))
        return _stand_in(key, task, provider), EvidenceSource.PROVIDER
    if isinstance(own, Candidate) and isinstance(provider, Candidate):
        own = attrs.evolve(own, related=provider.samples)
    return own, EvidenceSource.OFFER


def _stand_in(key: str, task: str | None, provider: Entry) -> Entry:
    """Return its provider's entry under the offer's name, unless it is a model of another kind."""
    if task is None:
        return attrs.evolve(provider, provider=key)
    return Excluded(provider=key, reason=f"not for chat ({task})", status=provider.status)


def _name(line: Ranked, offer: NamedOffer, evidence: EvidenceSource) -> Ranked:
    return attrs.evolve(
        line,
        provider=offer.provider,
        model=offer.model or None,
        variant=offer.variant,
        evidence=evidence,
    )


def _name_excluded(line: Excluded, offer: NamedOffer) -> Excluded:
    return attrs.evolve(line, provider=offer.provider, model=offer.model or None)


def _prefer_proven(lines: Iterable[Ranked]) -> Iterator[Ranked]:
    """Put those with their own evidence first among equal lines."""
    for _, equal in groupby(lines, key=lambda line: (line.status, line.expected_cost_ms)):
        yield from sorted(equal, key=lambda line: line.evidence is not EvidenceSource.OFFER)
