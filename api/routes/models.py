"""Who offers which model, and which offer of it is best."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

import attrs
import msgspec
from quart import Response

from api.http.etags import respond
from api.http.large_answers import LargeAnswers, json_lists, respond_in_pieces, sort_slowly
from api.http.openapi import NOT_MODIFIED, describe, gives
from api.http.query import query
from api.http.response_cache import CachedResponse, ResponseCache, answer_of
from api.present_answers import find_model
from api.ranking_filter import listed_models
from api.routes.route import Route
from api.schemas import models as schemas
from api.schemas import status
from api.schemas.convert import convert
from tracker.core.model_resolver import ModelMatch, ModelResolver, NamedOffer
from tracker.core.model_tasks import other_task
from tracker.core.snapshot import EvidenceSource, OfferStatus, ProviderStatus, Snapshot

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
        """Every model by its common name, with its offers, best first."""
        query()
        snapshot = self.tracker.snapshot
        resolver = await self.tracker.find_models()
        return respond_in_pieces(
            await self.large.get(snapshot, "by name", lambda: _encode_list(snapshot, resolver))
        )

    @describe("models", gives(schemas.Model), NOT_MODIFIED, errors=[404])
    async def model(self, name: str) -> Response:
        """One model, by an id of it or by its name in any packaging; best offer first."""
        query()
        snapshot = self.tracker.snapshot
        match = find_model(await self.tracker.find_models(), name)
        return respond(
            self.answers.get(snapshot, ("model", name), lambda: self._encode(snapshot, match))
        )

    @describe("models", gives(status.Models), NOT_MODIFIED)
    async def listed(self) -> Response:
        """The ids of each provider's last model list."""
        query()
        snapshot = self.tracker.snapshot
        return respond_in_pieces(
            await self.large.get(snapshot, "by id", lambda: _encode_listed(snapshot))
        )

    def _encode(self, snapshot: Snapshot, match: ModelMatch) -> CachedResponse:
        ranking = self.tracker.rank_offers(match.offers)
        places = {(line.provider, line.model): n for n, line in enumerate(ranking.ranked)}
        offers = sorted(
            _known_offers(snapshot, match.offers),
            key=lambda offer: places.get((offer.provider_name, offer.model), len(places)),
        )
        return answer_of(msgspec.json.encode(schemas.Model(match.name, offers)))


def _encode_list(snapshot: Snapshot, resolver: ModelResolver) -> Iterator[bytes]:
    order = {line.provider: n for n, line in enumerate(snapshot.ranking.ranked)}
    offers = resolver.offers_by_name()
    models = (_list_model(snapshot, order, name, offers[name]) for name in sort_slowly(offers))
    yield b'{"models":['
    yield from json_lists(models, PIECE)
    yield b"]}"


def _list_model(
    snapshot: Snapshot, order: Mapping[str, int], name: str, offers: Iterable[NamedOffer]
) -> schemas.Model:
    def place(offer: schemas.ModelOffer) -> tuple[bool, bool, bool, int]:
        return (
            not offer.usable,
            offer.status != "healthy",
            offer.evidence != "offer",
            order.get(offer.provider_name, len(order)),
        )

    return schemas.Model(name, sorted(_known_offers(snapshot, offers), key=place))


def _encode_listed(snapshot: Snapshot) -> Iterator[bytes]:
    listed = listed_models(snapshot)
    names, comma = sort_slowly(listed), b""
    yield b'{"models":{'
    while some := list(islice(names, PIECE)):
        yield comma + msgspec.json.encode({name: sorted(listed[name]) for name in some})[1:-1]
        comma = b","
    yield b"}}"


def _known_offers(snapshot: Snapshot, offers: Iterable[NamedOffer]) -> Iterator[schemas.ModelOffer]:
    """Yield the offers of providers that are watched, as the snapshot shows them."""
    for offer in offers:
        if (provider := snapshot.providers.get(offer.provider)) is not None:
            yield _view_offer(offer, provider)


def _view_offer(offer: NamedOffer, provider: ProviderStatus) -> schemas.ModelOffer:
    watched = next((each for each in provider.offers if each.model == offer.model), None)
    shown = _view_unwatched(offer, provider) if watched is None else watched
    calls = _count_calls(offer.model, provider)
    return convert(schemas.ModelOffer, shown, **calls, provider_name=provider.name)


def _count_calls(model: str, provider: ProviderStatus) -> dict[str, int | None]:
    """Calls as proxies reported them; not known where nobody ever did."""
    days = provider.traffic.days if provider.traffic else ()
    day = next((day for day in days if day.model == model), None)
    if day is None:
        return {"calls_24h": None, "failures_24h": None}
    return {"calls_24h": day.calls, "failures_24h": day.failures}


def _view_unwatched(offer: NamedOffer, provider: ProviderStatus) -> OfferStatus:
    """What is known of an offer that no check asks for: that its provider lists it."""
    task = other_task(offer.model)
    reason = f"listed, not checked; {provider.name}: {provider.reason}"
    if task is not None:
        reason = f"not for chat ({task}); {provider.name}: {provider.reason}"
    return OfferStatus(
        model=offer.model,
        variant=offer.variant,
        status=provider.status,
        status_since=provider.status_since,
        usable=provider.usable and task is None,
        reason=reason,
        evidence=EvidenceSource.PROVIDER,
        tokens_per_second=provider.tokens_per_second(offer.model),
        retires_on=provider.retiring.get(offer.model),
    )
