"""Puts the application together: guard, routes, errors, documentation."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
from quart_trio import QuartTrio

from api.encoding import Answers
from api.guard import guard
from api.problems import handle_problems
from api.routes import NameConverter, Rule
from api.routes_present import Present

if TYPE_CHECKING:
    from tracker.service import Tracker

MAX_BODY = 16 * 1024  # bytes; the largest sensible request has thirty
BODY_SECONDS = 5.0


def create_app(tracker: "Tracker") -> QuartTrio:
    """The API over a running tracker."""
    app = QuartTrio("api", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, BODY_TIMEOUT=BODY_SECONDS)
    app.url_map.merge_slashes = False  # a name may hold slashes
    app.url_map.converters["name"] = NameConverter
    answers = Answers()
    for rule in _rules(tracker, answers):
        rule.add_to(app)
    guard(app, tracker)
    handle_problems(app, tracker)
    return app


def _rules(tracker: "Tracker", answers: Answers) -> Iterator[Rule]:
    yield from Present(tracker, answers).rules()
