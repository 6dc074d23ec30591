"""A wrapper around the application that normalises paths and prefixes."""

from typing import Any
from urllib.parse import urlsplit

from quart_trio import QuartTrio


class RootPathMiddleware:
    """Wraps the application: refuses websockets, keeps raw paths, removes the proxy's prefix.

    Some proxies remove their prefix and some do not; a container's health check has none.
    """

    def __init__(self, app: QuartTrio, root_path: str) -> None:
        self.app = app
        self.root_path = root_path.rstrip("/")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if not (path := scope["path"]).startswith("/"):
            scope = _as_if_plain(scope)
            path = scope["path"]
        if self.root_path and path.startswith(f"{self.root_path}/"):
            scope = {**scope, "root_path": self.root_path}
        await self.app(scope, receive, send)


def _as_if_plain(scope: Any) -> Any:
    """Return what a request line that names the whole URL asks: the path, of that URL's host.

    Its Host is ignored, as RFC 9112 (3.2.2) says.
    """
    try:
        parts = urlsplit(scope["path"])
    except ValueError:
        return {**scope, "path": "/*"}
    path = parts.path if parts.path.startswith("/") else "/*"
    if not parts.netloc:
        return {**scope, "path": path}
    others = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "path": path, "headers": [(b"host", parts.netloc.encode()), *others]}
