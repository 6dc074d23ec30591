"""Answers about the present: a function of the snapshot alone, so each is encoded once."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
import msgspec
from quart import Response

from api.exports import badges
from api.exports.csv import encode_csv
from api.http.etags import respond
from api.http.openapi import NOT_MODIFIED, describe, gives, text
from api.http.problems import bad_request, no_provider
from api.http.query import choice, names, query, single
from api.http.response_cache import CachedResponse, ResponseCache, answer_of, best_answer
from api.ranking_filter import (
    RankingFilter,
    apply_filter,
    choose_named,
    choose_offers,
    named_offers,
)
from api.routes.models import find_model
from api.routes.route import Route
from api.schemas import status as schemas
from tracker.core.snapshot import ProviderStatus, Snapshot

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

DOWNLOAD = (("Content-Disposition", 'attachment; filename="provider_status.csv"'),)
# Sites that show badges fetch through caches of their own, which want to be told for how long.
LISTS_UNKNOWN = "The model lists are not known yet: not every provider was checked."
BADGE_HEADERS = (("Cache-Control", "max-age=60"),)


@attrs.frozen
class StatusRoutes:
    tracker: "Tracker"
    answers: ResponseCache

    def rules(self) -> Iterator[Route]:
        yield Route("GET", "/api/providers/status", self.status)
        yield Route("GET", "/api/providers/status/<name:name>", self.provider)
        yield Route("GET", "/api/providers/best", self.best)
        yield Route("GET", "/api/providers/export/csv", self.export_csv)
        yield Route("GET", "/badge/<name:name>.svg", self.badge)
        yield Route("GET", "/badge/<name:name>.json", self.badge_json)

    @describe("present", gives(schemas.Status), NOT_MODIFIED)
    async def status(self) -> Response:
        """Every provider's status."""
        query()
        return respond(self.answers.status(self.tracker.snapshot))

    @describe("present", gives(schemas.Provider), NOT_MODIFIED, errors=[404])
    async def provider(self, name: str) -> Response:
        """One provider's status."""
        query()
        snapshot, _ = self._find(name)
        return respond(self.answers.provider(snapshot, name))

    @describe(
        "present",
        gives(schemas.Best),
        gives(schemas.Best, status=503, says="Nothing is usable now; Retry-After says when."),
        NOT_MODIFIED,
        errors=[404],
        query=schemas.BestQuery,
    )
    async def best(self) -> Response:
        """The provider to use now, and the order to fall back in.

        Only usable providers are ranked; the others are listed with the reason. The filters
        narrow the same ranking down to the providers a caller would use. With ``model`` the
        offers of that model are ranked, each with the id to send; candidates that name offers
        (provider/model) are ranked as these, with or without it.
        """
        given = query("candidates", "exclude", "model")
        snapshot = self.tracker.snapshot
        if not given:
            return respond(self.answers.best(snapshot))
        wish = RankingFilter(
            candidates=names(given, "candidates", snapshot.providers),
            exclude=names(given, "exclude", snapshot.providers),
            model=single(given, "model"),
        )
        if wish.candidates == frozenset() or wish.model == "":
            raise bad_request("candidates and model must name something, or be left out")
        if wish.model is not None:
            return await self._best_offer(wish, wish.model)
        if named_offers(wish, snapshot):
            return await self._best_named(wish)
        return respond(
            self.answers.get(
                snapshot, wish, lambda: best_answer(snapshot, apply_filter(snapshot, wish))
            )
        )

    async def _best_named(self, wish: RankingFilter) -> Response:
        """Rank the offers that the candidates name, of whichever models."""
        resolver = await self.tracker.find_models()
        snapshot = self.tracker.snapshot

        def encode() -> CachedResponse:
            chosen = choose_named(resolver, wish, snapshot)
            return best_answer(snapshot, self.tracker.rank_offers(chosen))

        return respond(self.answers.get(snapshot, wish, encode))

    async def _best_offer(self, wish: RankingFilter, model: str) -> Response:
        """Rank the offers of one model, and give the id to send."""
        resolver = await self.tracker.find_models()
        snapshot = self.tracker.snapshot
        if not snapshot.swept and resolver.resolve(model) is None:
            ranking = attrs.evolve(self.tracker.rank_offers(()), reason=LISTS_UNKNOWN)
            return respond(best_answer(snapshot, ranking))
        match = find_model(resolver, model)

        def encode() -> CachedResponse:
            offers = choose_offers(match.offers, wish)
            ranking = self.tracker.rank_offers(offers)
            if not offers:
                ranking = attrs.evolve(ranking, reason="None of the candidates offers the model.")
            return best_answer(snapshot, ranking)

        return respond(self.answers.get(snapshot, wish, encode))

    @describe("present", text("text/csv", says="One row a provider."), NOT_MODIFIED)
    async def export_csv(self) -> Response:
        """Every provider as a row of a spreadsheet, best uptime first."""
        query()
        snapshot = self.tracker.snapshot
        return respond(self.answers.get(snapshot, "csv", lambda: _csv(snapshot)))

    @describe(
        "badges",
        text("image/svg+xml"),
        NOT_MODIFIED,
        errors=[404],
        query=schemas.BadgeQuery,
    )
    async def badge(self, name: str) -> Response:
        """A badge for a web page: the status, the uptime of 24 hours or the latency."""
        show = choice(query("show"), "show", badges.SHOWN)
        snapshot, provider = self._find(name)
        return respond(
            self.answers.get(snapshot, ("svg", name, show), lambda: _svg(provider, show))
        )

    @describe("badges", gives(schemas.Badge), NOT_MODIFIED, errors=[404], query=schemas.BadgeQuery)
    async def badge_json(self, name: str) -> Response:
        """The same for a shields endpoint badge."""
        show = choice(query("show"), "show", badges.SHOWN)
        snapshot, provider = self._find(name)
        return respond(
            self.answers.get(snapshot, ("badge", name, show), lambda: _shield(provider, show))
        )

    def _find(self, name: str) -> tuple[Snapshot, ProviderStatus]:
        snapshot = self.tracker.snapshot
        if (provider := snapshot.providers.get(name)) is None:
            raise no_provider(name)
        return snapshot, provider


def _csv(snapshot: Snapshot) -> CachedResponse:
    return answer_of(encode_csv(snapshot), "text/csv; charset=utf-8", headers=DOWNLOAD)


def _svg(provider: ProviderStatus, show: str) -> CachedResponse:
    svg = badges.draw(badges.badge_of(provider, show))
    return answer_of(svg.encode(), "image/svg+xml", headers=BADGE_HEADERS)


def _shield(provider: ProviderStatus, show: str) -> CachedResponse:
    return answer_of(msgspec.json.encode(badges.badge_of(provider, show)), headers=BADGE_HEADERS)
