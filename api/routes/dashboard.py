"""Endpoints only for the dashboard: small answers in their own formats.

They may change with every version, together with the page: the first event of the stream names the
page it belongs to, and a page of another version reloads itself. Programs use the API.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import attrs
import msgspec
from quart import Response, request

from api.http.etags import respond
from api.http.problems import bad_request, no_provider
from api.http.query import Given, query, single, whole_number
from api.http.response_cache import CachedResponse, ResponseCache, answer_of
from api.http.server_sent_events import Streams
from api.overview import models, strips
from api.overview.document import Overview
from api.routes.history import query_store
from api.routes.operations import event_stream, peer_of_request
from api.routes.route import Route
from api.schemas import incidents as schemas
from api.schemas.convert import convert, view_provider
from tracker.config.catalogue import load_catalogue
from tracker.core.clock import Clock
from tracker.core.settings import Provider
from tracker.core.snapshot import Snapshot
from tracker.store import History

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

DATA = "/dashboard/data"
LONGEST_SEARCH = 200  # characters


@attrs.frozen
class DashboardRoutes:
    tracker: "Tracker"
    answers: ResponseCache
    streams: Streams
    overview: Overview
    clock: Clock = Clock()

    def rules(self) -> Iterator[Route]:
        """Yield the paths of the dashboard's data; they are no public interface."""
        yield Route("GET", f"{DATA}/events", self.overview_events)
        yield Route("GET", f"{DATA}/overview", self.overview_now)
        yield Route("GET", f"{DATA}/strips", self.overview_strips)
        yield Route("GET", f"{DATA}/models", self.overview_models)
        yield Route("GET", f"{DATA}/provider/<name:name>", self.overview_provider)

    async def overview_events(self) -> Response:
        """Stream the page's changes, from ``Last-Event-ID`` on where that is known."""
        query()
        peer = peer_of_request()
        self.streams.check_room(peer)
        await self.overview.prepare(self.tracker.snapshot)
        last = request.headers.get("Last-Event-ID")
        return event_stream(self.streams.stream(last, self.overview, peer))

    async def overview_now(self) -> Response:
        """Return the first event of the stream, for a page whose stream a proxy holds back."""
        query()
        await self.overview.prepare(self.tracker.snapshot)
        return await respond(answer_of(self.overview.whole(self.tracker.snapshot)))

    async def overview_strips(self) -> Response:
        """Answer with the cells of past status. hours: one of the widths a page has, else 400."""
        given = query("hours", "name")
        known = strips.CELL_SECONDS | (strips.LONG_CELL_SECONDS if self._has_hub else {})
        hours = whole_number(given, "hours", default=24, least=1, most=max(known))
        if hours not in known:
            raise bad_request(f"hours must be one of {', '.join(map(str, known))}")
        names = self._known_names(given)
        slow = {
            provider.name: provider.timing.degraded_latency_ms
            for provider in self.tracker.config.providers
        }
        found, away = await self._past(names, hours, known[hours])
        return await respond(answer_of(strips.encode_strips(found, hours, slow, away)))

    @property
    def _has_hub(self) -> bool:
        return self.tracker.config.cluster is not None

    async def _past(self, names: tuple[str, ...], hours: int, seconds: int) -> tuple[History, str]:
        """Return the cells' history, and why the cluster's hub is not in it."""
        since = self.clock.now() - timedelta(hours=hours)
        if hours in strips.LONG_CELL_SECONDS:
            ask = self.tracker.records.long_history
            if (long := await query_store(ask, names, since=since, seconds=seconds)) is not None:
                return long.history, long.away
        own = await query_store(
            self.tracker.records.history, names, since=since, resolution=seconds
        )
        return own, ""

    async def overview_models(self) -> Response:
        """Answer with the models that match ``search``, up to what a page shows."""
        search = single(query("search"), "search") or ""
        if len(search) > LONGEST_SEARCH:
            raise bad_request(f"search must have at most {LONGEST_SEARCH} characters")
        snapshot = self.tracker.snapshot
        resolver = await self.tracker.offers.resolver()

        def encode() -> CachedResponse:
            found = models.find_named(resolver.walk(), search)
            shown = models.view_models(found.best, snapshot.providers)
            document = {"known": found.known, "found": found.found, "models": shown}
            return answer_of(msgspec.json.encode(document))

        key = ("dashboard models", search)
        return await respond(await self.answers.get_slowly(snapshot, key, encode))

    async def overview_provider(self, name: str) -> Response:
        """Return everything about one provider that its page shows, except its history."""
        query()
        snapshot = self.tracker.snapshot
        if name not in snapshot.providers:
            raise no_provider(name)
        return await respond(answer_of(msgspec.json.encode(self._view(snapshot, name))))

    def _view(self, snapshot: Snapshot, name: str) -> dict[str, Any]:
        ranking, log = snapshot.ranking, snapshot.incidents
        usable = [line.provider for line in ranking.ordered]
        excluded = next((line for line in ranking.excluded if line.provider == name), None)
        return {
            "provider": view_provider(snapshot.providers[name]),
            "place": usable.index(name) + 1 if name in usable else None,
            "usable": len(usable),
            "may_answer": excluded is not None and excluded.may_answer,
            "checked_since": snapshot.providers[name].checked_since,
            "about": self._about(name),
            "incidents": [
                convert(schemas.Incident, each) for each in log.incidents if each.provider == name
            ],
        }

    def _about(self, name: str) -> dict[str, str | None]:
        provider = self.tracker.config.provider(name)
        known = None if provider.moved else load_catalogue().get(name)
        return {
            "kind": provider.kind,
            "base_url": self.tracker.mask(_without_password(provider)),
            "check": provider.check,
            "model": provider.model,
            "status_page": None if known is None else known.status_page,
        }

    def _known_names(self, given: Given) -> tuple[str, ...]:
        """Return the known names of those asked for; the page learns by itself which are gone."""
        known = [name for name in given.get("name", ()) if name in self.tracker.snapshot.providers]
        if not known or len(known) > strips.MOST_NAMES:
            raise bad_request(f"name must be given for 1 to {strips.MOST_NAMES} known providers")
        return tuple(dict.fromkeys(known))


def _without_password(provider: Provider) -> str:
    """Remove user and password from a base URL."""
    parts = urlsplit(provider.base_url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
