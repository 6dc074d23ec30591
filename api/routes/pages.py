"""Pages and the OpenAPI document: read or made once, at start, and served from memory.

Nothing is looked up on the disk for a request, so no path can leave its folder.
"""

import mimetypes
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import attrs
import msgspec
from quart import Response

from api import docs_page
from api.http.etags import respond
from api.http.problems import Problem
from api.http.response_cache import CachedResponse, answer_of
from api.routes.route import Route

# A page may load and ask its own server, and nothing else; markup never comes from text.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@attrs.frozen
class PageRoutes:
    """``dashboard``: its files by their path below ``/dashboard/``; empty where none is there."""

    openapi: CachedResponse
    docs: CachedResponse
    docs_style: CachedResponse
    dashboard: Mapping[str, CachedResponse]

    @classmethod
    def of(cls, document: dict[str, Any]) -> "PageRoutes":
        return cls(
            openapi=answer_of(msgspec.json.encode(document)),
            docs=_page(docs_page.render(document), docs_page.POLICY),
            docs_style=answer_of(docs_page.style(), "text/css; charset=utf-8"),
            dashboard=read_dashboard(),
        )

    def rules(self) -> Iterator[Route]:
        yield Route("GET", "/openapi.json", self.show_openapi)
        yield Route("GET", "/docs", self.show_docs)
        yield Route("GET", "/docs/style.css", self.show_docs_style)
        yield Route("GET", "/", self.show_dashboard)
        yield Route("GET", "/dashboard/<path:path>", self.show_dashboard)

    async def show_openapi(self) -> Response:
        return respond(self.openapi)

    async def show_docs(self) -> Response:
        return respond(self.docs)

    async def show_docs_style(self) -> Response:
        return respond(self.docs_style)

    async def show_dashboard(self, path: str = "index.html") -> Response:
        if (answer := self.dashboard.get(path)) is None:
            raise Problem(status=404, detail="no such page; /docs lists every path")
        return respond(answer)


def read_dashboard() -> dict[str, CachedResponse]:
    """Every file below api/dashboard, or none where it has no index.html."""
    folder = files("api") / "dashboard"
    if not (folder / "index.html").is_file():
        return {}
    return dict(_read(folder, ""))


def _read(folder: Traversable, prefix: str) -> Iterator[tuple[str, CachedResponse]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith((".py", ".pyc")):
            yield prefix + entry.name, _file(entry)


def _file(entry: Traversable) -> CachedResponse:
    content_type = mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
    if content_type == "text/html":
        return _page(entry.read_bytes(), PAGE_POLICY)
    charset = "; charset=utf-8" if content_type.startswith("text/") else ""
    return answer_of(entry.read_bytes(), content_type + charset)


def _page(body: bytes, policy: str) -> CachedResponse:
    headers = (("Content-Security-Policy", policy),)
    return answer_of(body, "text/html; charset=utf-8", headers=headers)
