"""What stands before the application: who is answered at all, and which path was meant."""

from typing import Any
from urllib.parse import urlsplit

from quart.utils import encode_headers
from quart_trio import QuartTrio

from api.http.middleware import add_security_headers
from api.http.problems import CROWDED_OUT, Problem, problem_body, problem_response

# In the state of a connection (hypercorn hands each request a copy): no room for this request.
CROWDED = "crowded"


class RootPathMiddleware:
    """What stands before the application: no websockets, whole paths, and the proxy's prefix.

    Some proxies cut their prefix off and some do not; a container's own health check has none.
    """

    def __init__(self, app: QuartTrio, root_path: str) -> None:
        self.app = app
        self.root_path = root_path.rstrip("/")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope.get("state", {}).get(CROWDED):
            await _send_busy(send)
            return
        if not (path := scope["path"]).startswith("/"):
            scope = {**scope, "path": (path := _path_of(path))}
        if self.root_path and path.startswith(f"{self.root_path}/"):
            scope = {**scope, "root_path": self.root_path}
        await self.app(scope, receive, send)


async def _send_busy(send: Any) -> None:
    """Answer 503 without the application, which takes three times as long."""
    detail = "so many requests are being answered that there is room for no other: ask again"
    problem = Problem(status=503, detail=detail, headers=CROWDED_OUT)
    response = add_security_headers(problem_response(problem))
    headers = encode_headers(response.headers)
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": problem_body(problem)})


def _path_of(target: str) -> str:
    """Return the path of a request line that names the whole URL; a bad one matches no route."""
    try:
        path = urlsplit(target).path
    except ValueError:
        path = ""
    return path if path.startswith("/") else "/*"
