"""Building the application: access checks, routes, errors, documentation."""

from functools import partial
from typing import TYPE_CHECKING

from quart_trio import QuartTrio

from api.http.body_limits import sized_requests
from api.http.middleware import REPORTS_PATH, install_request_checks
from api.http.openapi import describe_routes
from api.http.problems import handle_problems
from api.http.response_cache import ResponseCache
from api.http.server_sent_events import Streams
from api.overview.document import Overview
from api.present_answers import PresentAnswers
from api.routes.cluster import ClusterRoutes
from api.routes.control import ControlRoutes
from api.routes.dashboard import DashboardRoutes
from api.routes.history import HistoryRoutes
from api.routes.incidents import IncidentRoutes
from api.routes.maintenance import MaintenanceRoutes
from api.routes.models import ModelRoutes
from api.routes.operations import OperationsRoutes
from api.routes.pages import PageRoutes
from api.routes.plain_page import PlainPageRoutes
from api.routes.reports import ReportRoutes
from api.routes.route import MatchingRule, NameConverter
from api.routes.status import StatusRoutes
from tracker.core.extras import own_version
from tracker.reports.schema import MOST_BYTES

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

MAX_BODY = 16 * 1024  # bytes; the largest reasonable request has thirty
BODY_SECONDS = 5.0


def create_app(
    tracker: "Tracker", *, answers: ResponseCache | None = None, streams: Streams | None = None
) -> QuartTrio:
    """Return the API over a running tracker, with the server settings it has now.

    answers, streams: to share with who serves the app; their own if None.
    """
    settings = tracker.config.server
    answers = answers or ResponseCache()
    streams = streams or Streams(tracker.board, answers)
    present = PresentAnswers(tracker, answers)
    app = QuartTrio("api", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, BODY_TIMEOUT=BODY_SECONDS)
    app.request_class = sized_requests(app.request_class, {REPORTS_PATH: MOST_BYTES})
    app.url_rule_class = MatchingRule
    app.url_map.merge_slashes = False  # a provider's name may contain slashes
    app.url_map.converters["name"] = NameConverter
    for part in (
        StatusRoutes(tracker, answers, present),
        ModelRoutes(tracker, answers),
        HistoryRoutes(tracker),
        ControlRoutes(tracker, settings),
        IncidentRoutes(tracker, settings),
        MaintenanceRoutes(tracker),
        ReportRoutes(tracker, tracker.config),
        OperationsRoutes(tracker, streams, present),
        ClusterRoutes(tracker),
    ):
        for rule in part.rules():
            rule.add_to(app)
    pages = PageRoutes.of(describe_routes(app, own_version(), settings.root_path))
    overview = Overview(
        pages.version, partial(tracker.health, actors=False), tracker.config.cluster is not None
    )
    for private in (
        pages,
        PlainPageRoutes(tracker, answers),
        DashboardRoutes(tracker, answers, streams, overview),
    ):
        for rule in private.rules():
            rule.add_to(app)  # after the OpenAPI document, which describes only the API
    install_request_checks(app, settings)
    handle_problems(app, tracker)
    return app
