"""Which providers offer which model, and the best offer of each."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby, islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING

import attrs
import msgspec
from quart import Response

from api.http.etags import respond
from api.http.large_answers import LargeAnswers, json_lists, respond_in_pieces, sort_slowly
from api.http.openapi import NOT_MODIFIED, describe, gives
from api.http.query import query
from api.http.response_cache import SLICE, CachedResponse, ResponseCache, answer_of
from api.present_answers import find_model
from api.routes.route import Route
from api.schemas import models as schemas
from api.schemas.convert import convert
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus
from tracker.core.ranking import Ranking
from tracker.core.snapshot import Snapshot
from tracker.core.traffic import ModelDay
from tracker.models.resolver import ModelMatch, ModelResolver, NamedOffer
from tracker.models.tasks import other_task

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

PIECE = 200  # models, about two milliseconds


@attrs.frozen
class ModelRoutes:
    """``/api/models``: models by common name, and ``/api/providers/models``: by their ids."""

    tracker: "Tracker"
    answers: ResponseCache
    large: LargeAnswers = attrs.field(factory=LargeAnswers)

    def rules(self) -> Iterator[Route]:
        """Yield the paths that list models by common name and by provider."""
        yield Route("GET", "/api/models", self.model_list)
        yield Route("GET", "/api/models/<name:name>", self.model)
        yield Route("GET", "/api/providers/models", self.listed)

    @describe("models", gives(schemas.ModelList), NOT_MODIFIED)
    async def model_list(self) -> Response:
        """Return every model by its common name, with its offers, best first."""
        query()
        snapshot = self.tracker.snapshot
        resolver = await self.tracker.offers.resolver()
        return respond_in_pieces(
            await self.large.get(snapshot, "by name", lambda: _encode_list(snapshot, resolver))
        )

    @describe("models", gives(schemas.Model), NOT_MODIFIED, errors=[404])
    async def model(self, name: str) -> Response:
        """Return one model, by an id of it or by its name in any packaging; best offer first."""
        query()
        snapshot = self.tracker.snapshot
        match = find_model(await self.tracker.offers.resolver(), name)
        key = ("model", name)
        if (known := self.answers.known(snapshot, key)) is not None:
            return await respond(known)
        ranking = await self.tracker.offers.rank_in_turns(match.offers)
        encode = partial(_encode_model, snapshot, match, ranking)
        if len(match.offers) > SLICE:
            return await respond(await self.answers.get_slowly(snapshot, key, encode))
        return await respond(self.answers.get(snapshot, key, encode))

    @describe("models", gives(schemas.Models), NOT_MODIFIED)
    async def listed(self) -> Response:
        """Return the ids of each provider's last model list."""
        query()
        snapshot = self.tracker.snapshot
        return respond_in_pieces(
            await self.large.get(snapshot, "by id", lambda: _encode_listed(snapshot))
        )


def _encode_model(snapshot: Snapshot, match: ModelMatch, ranking: Ranking) -> CachedResponse:
    places = {(line.provider, line.model): n for n, line in enumerate(ranking.ranked)}
    offers = sorted(
        OfferViews(snapshot).known(match.offers),
        key=lambda offer: places.get((offer.provider_name, offer.model), len(places)),
    )
    return answer_of(msgspec.json.encode(schemas.Model(match.name, offers)))


def _encode_list(snapshot: Snapshot, resolver: ModelResolver) -> Iterator[bytes]:
    order = {line.provider: n for n, line in enumerate(snapshot.ranking.ranked)}
    view = OfferViews(snapshot)
    models = (_list_model(view, order, model) for model in resolver.walk())
    yield b'{"models":['
    yield from json_lists(models, PIECE)
    yield b"]}"


def _list_model(view: "OfferViews", order: Mapping[str, int], model: ModelMatch) -> schemas.Model:
    def place(offer: schemas.ModelOffer) -> tuple[bool, bool, bool, int]:
        return (
            not offer.usable,
            offer.status != "healthy",
            offer.evidence != "offer",
            order.get(offer.provider_name, len(order)),
        )

    offers = list(view.known(model.offers))
    return schemas.Model(model.name, sorted(offers, key=place) if len(offers) > 1 else offers)


def _encode_listed(snapshot: Snapshot) -> Iterator[bytes]:
    lists = (
        zip(sort_slowly(set(provider.models or ())), repeat(name))
        for name, provider in snapshot.providers.items()
    )
    models = groupby(heapq.merge(*lists), key=itemgetter(0))
    listed = ((model, [name for _, name in same]) for model, same in models)
    comma = b""
    yield b'{"models":{'
    while some := list(islice(listed, PIECE)):
        yield comma + msgspec.json.encode(dict(some))[1:-1]
        comma = b","
    yield b"}}"


@attrs.frozen
class KnownOffers:
    """What is known about single models at one provider, by their ids."""

    provider: ProviderStatus
    watched: Mapping[str, OfferStatus]
    calls: Mapping[str, ModelDay]
    tokens_per_second: Mapping[str, float | None]

    @classmethod
    def of(cls, provider: ProviderStatus) -> "KnownOffers":
        traffic = provider.traffic
        return cls(
            provider,
            watched={offer.model: offer for offer in provider.offers},
            calls={day.model: day for day in (traffic.days if traffic else ())},
            tokens_per_second={
                one.model: one.evidence.tokens_per_second
                for one in (traffic.models if traffic else ())
            },
        )

    def count_calls(self, model: str) -> dict[str, int | None]:
        """Return the calls that proxies reported, None where none ever did."""
        day = self.calls.get(model)
        if day is None:
            return {"calls_24h": None, "failures_24h": None}
        return {"calls_24h": day.calls, "failures_24h": day.failures}


@attrs.define(eq=False)
class OfferViews:
    """The offers of a snapshot in the API's format.

    Listed offers that were never checked differ only in their names, so their data is made once
    per provider: there may be 250,000 of them.
    """

    snapshot: Snapshot
    _known: dict[str, KnownOffers] = attrs.field(factory=dict)
    _unwatched: dict[tuple[str, str | None], schemas.ModelOffer] = attrs.field(factory=dict)

    def known(self, offers: Iterable[NamedOffer]) -> Iterator[schemas.ModelOffer]:
        """Yield the offers of providers that are watched."""
        for offer in offers:
            if (provider := self.snapshot.providers.get(offer.provider)) is not None:
                if offer.provider not in self._known:
                    self._known[offer.provider] = KnownOffers.of(provider)
                yield self._view(offer, self._known[offer.provider])

    def _view(self, offer: NamedOffer, known: KnownOffers) -> schemas.ModelOffer:
        name, model = offer.provider, offer.model
        calls = known.count_calls(model)
        if (watched := known.watched.get(model)) is not None:
            return convert(schemas.ModelOffer, watched, **calls, provider_name=name)
        rate = known.tokens_per_second.get(model)
        return msgspec.structs.replace(
            self._template(name, other_task(model, known.provider.tasks), known.provider),
            model=model,
            variant=offer.variant,
            tokens_per_second=None if rate is None else round(rate, 1),
            retires_on=known.provider.retiring.get(model),
            **calls,
        )

    def _template(
        self, name: str, task: str | None, provider: ProviderStatus
    ) -> schemas.ModelOffer:
        if (name, task) not in self._unwatched:
            self._unwatched[name, task] = _view_unwatched(name, task, provider)
        return self._unwatched[name, task]


def _view_unwatched(name: str, task: str | None, provider: ProviderStatus) -> schemas.ModelOffer:
    """Return what is known of an offer that is not checked: that its provider lists it."""
    what = "listed, not checked" if task is None else f"not for chat ({task})"
    shown = OfferStatus(
        model="",
        variant=None,
        status=provider.status,
        status_since=provider.status_since,
        usable=provider.usable and task is None,
        reason=f"{what}; {provider.name}: {provider.reason}",
        evidence=EvidenceSource.PROVIDER,
    )
    nothing: dict[str, int | None] = {"calls_24h": None, "failures_24h": None}
    return convert(schemas.ModelOffer, shown, **nothing, provider_name=name)
