"""Checks before every request, and headers on every answer."""

from functools import lru_cache

from quart import Response, request
from quart_trio import QuartTrio

from api.http.auth import SAFE_METHODS, AllowedHosts, refuse_cross_site, require_reader
from api.http.problems import Problem
from tracker.core.settings import ServerSettings

# For data: nothing in it may run, load or be framed.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
HEADERS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
# A service manager uses the address, and learns only whether the tracker is up.
OPEN_PATHS = frozenset({"/livez", "/readyz"})
REPORTS_PATH = "/api/reports"  # has its own token


def install_request_checks(app: QuartTrio, settings: ServerSettings) -> None:
    """Check each request before its view."""
    allow = lru_cache(maxsize=64)(AllowedHosts.of(settings).allow)

    async def check() -> None:
        # Headers are read only when needed: a missing one raises an exception.
        headers = request.headers
        if request.path not in OPEN_PATHS:
            if not allow(headers.get("Host", "")):
                raise _unknown_host()
            if settings.read_token is not None and request.path != REPORTS_PATH:
                require_reader(settings, headers.get("Authorization"))
        if request.method not in SAFE_METHODS:
            # A refusal while the body is still arriving would close the connection without an
            # answer.
            await request.get_data()
            refuse_cross_site(
                headers.get("Host", ""), headers.get("Origin"), headers.get("Sec-Fetch-Site")
            )

    async def secure(response: Response) -> Response:
        return add_security_headers(response)

    app.before_request(check)
    app.after_request(secure)


def add_security_headers(response: Response) -> Response:
    """Add the headers that every answer carries."""
    response.headers.extend(HEADERS)
    if not response.headers.getlist("Content-Security-Policy"):
        response.headers.add("Content-Security-Policy", DATA_POLICY)
    return response


def _unknown_host() -> Problem:
    return Problem(
        status=400,
        title="Unknown host name",
        detail="this server does not answer to that host name; add it to allowed_hosts in [server]",
    )
