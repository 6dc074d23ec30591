"""Answers about the present: they depend only on the snapshot, so each is encoded once."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
import msgspec
from quart import Response

from api.exports import badges
from api.exports.csv import encode_csv
from api.http.etags import respond
from api.http.openapi import NOT_MODIFIED, describe, gives, text
from api.http.problems import Problem, bad_request, no_provider
from api.http.query import Given, choice, query, single
from api.http.response_cache import SLICE, CachedResponse, ResponseCache, answer_of, best_answer
from api.present_answers import BEST_PARAMETERS, PresentAnswers
from api.routes.route import Route
from api.schemas import status as schemas
from api.schemas.badges import Badge, BadgeQuery
from api.schemas.ranking import Best, BestQuery
from tracker.core.cluster import ClusterAwayError
from tracker.core.provider_status import ProviderStatus
from tracker.core.snapshot import Snapshot

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

DOWNLOAD = (("Content-Disposition", 'attachment; filename="provider_status.csv"'),)
# Sites that show badges have their own caches, which need an expiry time.
BADGE_HEADERS = (("Cache-Control", "max-age=60"),)


@attrs.frozen
class StatusRoutes:
    tracker: "Tracker"
    answers: ResponseCache
    present: PresentAnswers

    def rules(self) -> Iterator[Route]:
        """Yield the paths of the present status: JSON, CSV and badges."""
        yield Route("GET", "/api/providers/status", self.status)
        yield Route("GET", "/api/providers/status/<name:name>", self.provider)
        yield Route("GET", "/api/providers/best", self.best)
        yield Route("GET", "/api/providers/export/csv", self.export_csv)
        yield Route("GET", "/badge/<name:name>.svg", self.badge)
        yield Route("GET", "/badge/<name:name>.json", self.badge_json)

    @describe("present", gives(schemas.Status), NOT_MODIFIED)
    async def status(self) -> Response:
        """Return every provider's status."""
        query()
        return await respond(await self.present.status_in_slices())

    @describe("present", gives(schemas.Provider), NOT_MODIFIED, errors=[404])
    async def provider(self, name: str) -> Response:
        """Return one provider's status."""
        query()
        return await respond(self.present.provider(name))

    @describe(
        "present",
        gives(Best),
        gives(Best, status=503, says="Nothing is usable now; Retry-After says when."),
        NOT_MODIFIED,
        errors=[404],
        query=BestQuery,
    )
    async def best(self) -> Response:
        """Return the provider to use now, and the order to fall back in.

        Only usable providers are ranked; the others are listed with the reason. The filters
        narrow the same ranking down to the providers a caller would use. With ``model`` the
        offers of that model are ranked, each with the id to send; candidates that name offers
        (provider/model) are ranked as these, with or without it.
        """
        given = query(*BEST_PARAMETERS)
        if "vantage" in given:
            return await respond(await self._best_of(given))
        return await respond(await self.present.best_in_time(given))

    @describe("present", text("text/csv", says="One row per provider."), NOT_MODIFIED)
    async def export_csv(self) -> Response:
        """Return every provider as a row of a spreadsheet, best uptime first."""
        query()
        snapshot = self.tracker.snapshot
        if len(snapshot.providers) <= SLICE:
            return await respond(self.answers.get(snapshot, "csv", lambda: _csv(snapshot)))
        return await respond(await self.answers.get_slowly(snapshot, "csv", lambda: _csv(snapshot)))

    @describe(
        "badges",
        text("image/svg+xml"),
        NOT_MODIFIED,
        errors=[404],
        query=BadgeQuery,
    )
    async def badge(self, name: str) -> Response:
        """Return a badge for a web page: the status, the uptime of 24 hours or the latency."""
        show = choice(query("show"), "show", badges.SHOWN)
        snapshot, provider = self._find(name)
        return await respond(
            self.answers.get(snapshot, ("svg", name, show), lambda: _svg(provider, show))
        )

    @describe("badges", gives(Badge), NOT_MODIFIED, errors=[404], query=BadgeQuery)
    async def badge_json(self, name: str) -> Response:
        """Return the same for a shields endpoint badge."""
        show = choice(query("show"), "show", badges.SHOWN)
        snapshot, provider = self._find(name)
        return await respond(
            self.answers.get(snapshot, ("badge", name, show), lambda: _shield(provider, show))
        )

    async def _best_of(self, given: Given) -> CachedResponse:
        """Answer with the ranking that another vantage has published."""
        vantage = single(given, "vantage") or ""
        if len(given) > 1:
            raise bad_request(
                "vantage cannot be combined with filters: that ranking is only published as a whole"
            )
        try:
            found = await self.tracker.ranking_of(vantage)
        except ClusterAwayError as error:
            raise Problem(
                status=503, detail=f"the vantage {vantage[:100]!r} cannot be queried: {error}"
            ) from None
        if found is None:
            raise Problem(
                status=404, detail=f"there is no vantage {vantage[:100]!r}; /api/cluster lists all"
            )
        age = max((self.tracker.snapshot.timestamp - found.ranked_at).total_seconds(), 0.0)
        answer = best_answer(found.ranked_at, found.ranking)
        return attrs.evolve(answer, headers=(*answer.headers, ("Age", f"{age:.0f}")))

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
