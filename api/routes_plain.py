"""The page for browsers without JavaScript: rendered once a snapshot, and only when asked for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
from quart import Response

from api import plain_page
from api.conditional import respond
from api.encoding import Answer, Answers, answer_of
from api.parameters import query
from api.routes import Rule
from tracker.snapshot import Snapshot

if TYPE_CHECKING:
    from tracker.handle import Tracker


@attrs.frozen
class Plain:
    tracker: "Tracker"
    answers: Answers

    def rules(self) -> Iterator[Rule]:
        yield Rule("GET", "/plain", self.show_plain)

    async def show_plain(self) -> Response:
        query()
        snapshot = self.tracker.snapshot
        return respond(self.answers.get(snapshot, "plain", lambda: _page(snapshot)))


def _page(snapshot: Snapshot) -> Answer:
    policy = (("Content-Security-Policy", plain_page.POLICY),)
    return answer_of(plain_page.render(snapshot), "text/html; charset=utf-8", headers=policy)
