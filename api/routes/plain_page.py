"""The page for browsers without JavaScript, rendered on request, at most once per snapshot."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
from quart import Response

from api import plain_page
from api.http.etags import respond
from api.http.query import query
from api.http.response_cache import CachedResponse, ResponseCache, answer_of
from api.routes.route import Route
from tracker.core.snapshot import Snapshot

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker


@attrs.frozen
class PlainPageRoutes:
    tracker: "Tracker"
    answers: ResponseCache

    def rules(self) -> Iterator[Route]:
        """Yield the path of the page without scripts."""
        yield Route("GET", "/plain", self.show_plain)

    async def show_plain(self) -> Response:
        """Answer with the page, rendered once for each snapshot; it takes no parameters."""
        query()
        snapshot = self.tracker.snapshot
        page = await self.answers.get_slowly(snapshot, "plain", lambda: _page(snapshot))
        return await respond(page)


def _page(snapshot: Snapshot) -> CachedResponse:
    policy = (("Content-Security-Policy", plain_page.POLICY),)
    return answer_of(plain_page.render(snapshot), "text/html; charset=utf-8", headers=policy)
