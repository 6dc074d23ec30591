"""Pages and the OpenAPI document: loaded at the start or made once, and served from memory.

No request reads a file, so no path can leave its folder.
"""

import mimetypes
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import attrs
import msgspec
import trio
from quart import Response

from api import docs_page
from api.http.etags import respond
from api.http.problems import Problem
from api.http.response_cache import CachedResponse, answer_of
from api.routes.route import Route

# A page may use only its own server; markup is never made from text.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
VERSION_MARK = b"{{version}}"


@attrs.frozen
class _Reference:
    """``openapi``: the document as JSON; ``page``: as HTML."""

    openapi: CachedResponse
    page: CachedResponse


@attrs.define(eq=False)
class ApiReference:
    """The API's description, built in a thread when it is first asked for.

    Built at the start it would hold the event loop for 60 ms, while checks are to begin.
    """

    build_document: Callable[[], dict[str, Any]]
    _built: _Reference | None = None
    _building: trio.Lock = attrs.field(factory=trio.Lock)

    async def get(self) -> _Reference:
        """Return both forms; requests meanwhile wait."""
        async with self._building:
            if self._built is None:
                self._built = await trio.to_thread.run_sync(self._build)
            return self._built

    def _build(self) -> _Reference:
        document = self.build_document()
        page = _page(docs_page.render(document), docs_page.POLICY)
        return _Reference(answer_of(msgspec.json.encode(document)), page)


@attrs.frozen
class PageRoutes:
    """``dashboard``: its files by path below ``/dashboard/``; empty if there are none."""

    reference: "ApiReference"
    docs_style: CachedResponse
    dashboard: Mapping[str, CachedResponse]
    version: str  # of the dashboard: a page from before an update reloads itself

    @classmethod
    def of(cls, build_document: Callable[[], dict[str, Any]]) -> "PageRoutes":
        """Read and encode every page once. build_document: builds the OpenAPI document to show."""
        content = read_dashboard()
        version = version_of(content)
        return cls(
            reference=ApiReference(build_document),
            docs_style=answer_of(docs_page.style(), "text/css; charset=utf-8"),
            dashboard={path: _file(path, body, version) for path, body in content.items()},
            version=version,
        )

    def rules(self) -> Iterator[Route]:
        """Yield the paths of the dashboard, the docs page and ``/openapi.json``."""
        yield Route("GET", "/openapi.json", self.show_openapi)
        yield Route("GET", "/docs", self.show_docs)
        yield Route("GET", "/docs/style.css", self.show_docs_style)
        yield Route("GET", "/", self.show_dashboard)
        yield Route("GET", "/dashboard/<path:path>", self.show_dashboard)

    async def show_openapi(self) -> Response:
        """Answer with the OpenAPI 3.1 document as JSON."""
        return await respond((await self.reference.get()).openapi)

    async def show_docs(self) -> Response:
        """Answer with the API's description as one HTML page."""
        return await respond((await self.reference.get()).page)

    async def show_docs_style(self) -> Response:
        """Answer with the style sheet of ``/docs``."""
        return await respond(self.docs_style)

    async def show_dashboard(self, path: str = "index.html") -> Response:
        """Answer with a file of the dashboard. Raises Problem (404) for a file it does not have."""
        if (answer := self.dashboard.get(path)) is None:
            raise Problem(status=404, detail="no such page; /docs lists every path")
        return await respond(answer)


def read_dashboard() -> dict[str, bytes]:
    """Return every file below api/dashboard, or none where it has no index.html."""
    folder = files("api") / "dashboard"
    if not (folder / "index.html").is_file():
        return {}
    return dict(_read(folder, ""))


def version_of(content: Mapping[str, bytes]) -> str:
    """Name the dashboard by what is in it."""
    digest = blake2b(digest_size=6)
    for path, body in sorted(content.items()):
        digest.update(b"%s\0%d\0%s" % (path.encode(), len(body), body))
    return digest.hexdigest()


def _read(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith((".py", ".pyc")):
            yield prefix + entry.name, entry.read_bytes()


def _file(path: str, body: bytes, version: str) -> CachedResponse:
    content_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if content_type == "text/html":
        return _page(body.replace(VERSION_MARK, version.encode()), PAGE_POLICY)
    charset = "; charset=utf-8" if content_type.startswith("text/") else ""
    return answer_of(body, content_type + charset)


def _page(body: bytes, policy: str) -> CachedResponse:
    headers = (("Content-Security-Policy", policy),)
    return answer_of(body, "text/html; charset=utf-8", headers=headers)
