"""Errors as application/problem+json (RFC 9457), including the framework's and our own bugs."""

import traceback
from typing import TYPE_CHECKING

import attrs
import msgspec
import structlog
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from api.http.status_phrases import status_phrase
from api.schemas.problem import PROBLEM
from api.schemas.problem import Problem as Wire
from tracker.runtime.mailbox import StoppedError

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

RETRY = (("Retry-After", "5"),)  # seconds; a restart takes less
CLOSE = (("Connection", "close"),)
# With too many clients, the place of a refused one goes to another.
CROWDED_OUT = (*RETRY, *CLOSE)
log = structlog.get_logger()


@attrs.frozen(kw_only=True, eq=False)
class Problem(Exception):  # noqa: N818 (RFC 9457's word)
    """An error answer. ``detail`` says what is wrong and what to do."""

    status: int
    detail: str
    title: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def bad_request(detail: str) -> Problem:
    """Make a 400 problem. detail: which parameter is wrong and what is allowed."""
    return Problem(status=400, detail=detail)


def no_provider(name: str) -> Problem:
    """Make a 404 problem for an unknown provider; it shows 100 characters of the name."""
    return Problem(
        status=404,
        title="No such provider",
        detail=f"there is no provider {name[:100]!r}; /api/providers/status lists all",
    )


def problem_body(problem: Problem) -> bytes:
    """Encode as RFC 9457 JSON: title, status and detail."""
    title = problem.title or status_phrase(problem.status)
    return msgspec.json.encode(Wire(title=title, status=problem.status, detail=problem.detail))


def problem_response(problem: Problem) -> Response:
    """Make the response, never cached, with the problem's own headers."""
    response = Response(problem_body(problem), problem.status, content_type=PROBLEM)
    response.headers["Cache-Control"] = "no-store"
    response.headers.extend(problem.headers)
    return response


def handle_problems(app: QuartTrio, tracker: "Tracker") -> None:
    """Let ``app`` answer every error as a problem."""

    async def on_problem(problem: Problem) -> Response:
        return problem_response(problem)

    async def on_http(error: HTTPException) -> Response | HTTPException:
        if isinstance(error, MethodNotAllowed) and not _path_exists(app, error, tracker):
            return problem_response(Problem(status=404, detail=_NOBODY))
        return error if isinstance(error, RequestRedirect) else problem_response(_translate(error))

    async def on_stopped(error: StoppedError) -> Response:
        return problem_response(
            Problem(status=503, detail=f"{error}: try again in a moment", headers=RETRY)
        )

    async def on_bug(error: Exception) -> Response:
        trace = tracker.mask("".join(traceback.format_exception(error)))
        log.error("request failed", method=request.method, path=request.path, trace=trace)
        return problem_response(
            Problem(status=500, detail="a bug in the tracker: its log has the details")
        )

    app.register_error_handler(Problem, on_problem)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(StoppedError, on_stopped)
    app.register_error_handler(Exception, on_bug)


_NOBODY = "no such path, and no provider of that name; /docs lists every path"
_DETAILS = {
    404: "no such path; /docs lists every path",
    408: "the request's body took too long to arrive",
    413: "the request's body is too large",
}


def _path_exists(app: QuartTrio, error: MethodNotAllowed, tracker: "Tracker") -> bool:
    """Return whether a path that has other methods is one.

    Rules for a provider's name fit anything.
    """
    adapter = app.url_map.bind("")
    named = [adapter.match(request.path, method)[1] for method in error.valid_methods or ()]
    return any("name" not in n or n["name"] in tracker.snapshot.providers for n in named)


def _translate(error: HTTPException) -> Problem:
    status = error.code or 500
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        detail = f"this path accepts {allowed}, not {request.method[:20]}"
        return Problem(status=status, detail=detail, headers=(("Allow", allowed),))
    return Problem(status=status, detail=_DETAILS.get(status, error.description or error.name))
