"""Puts the application together: guard, routes, errors, documentation."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from quart_trio import QuartTrio

from api.encoding import Answers
from api.events import Streams
from api.guard import guard
from api.openapi import document
from api.problems import handle_problems
from api.routes import NameConverter
from api.routes_control import Control
from api.routes_history import History
from api.routes_operations import Operations
from api.routes_pages import Pages
from api.routes_plain import Plain
from api.routes_present import Present

if TYPE_CHECKING:
    from tracker.handle import Tracker

DISTRIBUTION = "provider-status-tracker"
MAX_BODY = 16 * 1024  # bytes; the largest sensible request has thirty
BODY_SECONDS = 5.0


def create_app(
    tracker: "Tracker", *, answers: Answers | None = None, streams: Streams | None = None
) -> QuartTrio:
    """The API over a running tracker, with the server settings it has now.

    answers, streams: to share with who serves the app; their own if None.
    """
    settings = tracker.config.server
    answers = answers or Answers()
    streams = streams or Streams(tracker.board, answers)
    app = QuartTrio("api", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, BODY_TIMEOUT=BODY_SECONDS)
    app.url_map.merge_slashes = False  # a name may hold slashes
    app.url_map.converters["name"] = NameConverter
    for part in (
        Present(tracker, answers),
        History(tracker),
        Control(tracker, settings),
        Operations(tracker, streams),
    ):
        for rule in part.rules():
            rule.add_to(app)
    pages = Pages.of(document(app, own_version(), settings.root_path))
    for rule in (*pages.rules(), *Plain(tracker, answers).rules()):
        rule.add_to(app)  # after the document, which is about the API alone
    guard(app, settings)
    handle_problems(app, tracker)
    return app


def own_version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a checkout
        return "0"
