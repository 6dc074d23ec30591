"""The ranking of one model's offers, by the policy that ranks providers. Pure."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import groupby
from typing import TypeVar

import attrs

from tracker.core.provider_status import EvidenceSource
from tracker.core.ranking import Excluded, Ranked, Ranking
from tracker.core.slices import at_once
from tracker.models.resolver import NamedOffer
from tracker.models.tasks import NOTHING, other_task
from tracker.ranking.policy import Candidate

Entry = Candidate | Excluded
T = TypeVar("T")
RANKED_AT_ONCE = 250  # offers, about five milliseconds
Prepare = Callable[[tuple[Candidate, ...]], Iterator[None]]
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
    """Return what ``rank_offers_in_steps`` does, at once."""
    return at_once(rank_offers_in_steps(offers, entries, rank, valid_until))


def rank_offers_in_steps(
    offers: Iterable[NamedOffer | str],
    entries: RankingEntries,
    rank: Rank,
    valid_until: datetime | None,
    prepare: Prepare = lambda _: iter(()),
) -> Generator[None, None, Ranking]:
    """Rank offers, best first, each with the id to send; a name alone is a provider as a whole.

    An offer without evidence of its own stands on its provider's, behind those of the same
    expected time that have some. Those of providers that are not watched are left out.

    Between two steps others may have their turn: what is ranked is read before the first, so that
    all of it is of one moment. prepare: what of the ranking can be computed in steps before.
    """
    named = (NamedOffer(one, "") if isinstance(one, str) else one for one in offers)
    known = {
        "/".join(filter(None, (offer.provider, offer.model))): offer
        for offer in named
        if offer.provider in entries.providers
    }
    taken = [_take(key, offer, entries) for key, offer in known.items()]
    chosen: dict[str, tuple[Entry, EvidenceSource]] = {}
    for some in _in_steps(taken):
        chosen.update((each.key, _entry(each)) for each in some)
        yield
    candidates = tuple(entry for entry, _ in chosen.values() if isinstance(entry, Candidate))
    yield from prepare(candidates)
    ranking = rank(
        candidates,
        tuple(entry for entry, _ in chosen.values() if isinstance(entry, Excluded)),
        None,
        valid_until,
    )
    yield
    lines: list[Ranked] = []
    for ranked in _in_steps(ranking.ranked):
        lines += (_name(line, known[line.provider], chosen[line.provider][1]) for line in ranked)
        yield
    barred: list[Excluded] = []
    for excluded in _in_steps(ranking.excluded):
        barred += (_name_excluded(line, known[line.provider]) for line in excluded)
        yield
    return attrs.evolve(ranking, ranked=tuple(_prefer_proven(lines)), excluded=tuple(barred))


def _in_steps(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), RANKED_AT_ONCE):
        yield items[first : first + RANKED_AT_ONCE]


@attrs.frozen
class _Taken:
    """What an offer's entry is made of, as it was at one moment."""

    key: str
    own: Entry | None  # None: nothing was found of the offer itself
    provider: Entry
    task: str | None


def _take(key: str, offer: NamedOffer, entries: RankingEntries) -> _Taken:
    own, provider = entries.offers.get(key), entries.providers[offer.provider]
    if own is not None and key not in entries.unproven:
        return _Taken(key, own, provider, None)
    task = other_task(offer.model, entries.tasks.get(offer.provider, NOTHING))
    return _Taken(key, None, provider, task)


def _entry(taken: _Taken) -> tuple[Entry, EvidenceSource]:
    own, provider = taken.own, taken.provider
    if own is None:
        return _stand_in(taken.key, taken.task, provider), EvidenceSource.PROVIDER
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
