"""Making responses from answers: ETag, If-None-Match and 304, Retry-After."""

import math
import re
from datetime import datetime

import trio
from quart import Response, request

from api.http.response_cache import CachedResponse
from tracker.core.clock import utc_now

GZIP = frozenset({"gzip", "x-gzip", "*"})
NO_WEIGHT = re.compile(r"q=0(\.0*)?")


async def respond(answer: CachedResponse) -> Response:
    """Return the response to the present request; a large answer is compressed in a thread."""
    if answer.may_compress and answer.takes_long and takes_gzip():
        await trio.to_thread.run_sync(lambda: answer.gzipped)
    # Several headers form one list (RFC 9110 5.3); reading a missing one raises an exception.
    chosen = negotiate(answer, gzip=takes_gzip())
    tags = request.headers.getlist("If-None-Match")
    return response_of(chosen, known=matches_etag(chosen, ",".join(tags) if tags else None))


def takes_gzip() -> bool:
    """Return whether the present request's asker takes gzip."""
    encodings = request.headers.getlist("Accept-Encoding")
    return bool(encodings) and accepts_gzip(",".join(encodings))


def negotiate(answer: CachedResponse, *, gzip: bool) -> CachedResponse:
    """Return the answer in the encoding that its asker takes."""
    return answer.gzipped if gzip and answer.may_compress else answer


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether gzip is named, and not with a weight of zero (RFC 9110 12.5.3)."""
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in GZIP:
            return not NO_WEIGHT.fullmatch(weight.strip())
    return False


def matches_etag(answer: CachedResponse, if_none_match: str | None) -> bool:
    """Return whether the asker has it already."""
    return answer.status == 200 and answer.etag is not None and matches(if_none_match, answer.etag)


def response_of(answer: CachedResponse, *, known: bool) -> Response:
    """Return 304 without a body where the answer is known already."""
    kept = {"Cache-Control": "no-store"}
    if answer.etag is not None:
        kept = {"ETag": answer.etag, "Cache-Control": "no-cache"}
    headers = {**kept, **dict(answer.headers)}
    if answer.may_compress or "Content-Encoding" in headers:
        headers["Vary"] = "Accept-Encoding"
    if answer.retry_at is not None:
        headers["Retry-After"] = str(seconds_until(answer.retry_at))
    if known:
        return Response(b"", 304, headers)
    return Response(answer.body, answer.status, headers, content_type=answer.content_type)


def matches(if_none_match: str | None, etag: str) -> bool:
    """Compare ETags weakly, as RFC 9110 13.1.2 wants; our tags hold no comma."""
    if if_none_match is None:
        return False
    given = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in given or given == ["*"]


def seconds_until(at: datetime) -> int:
    """Return whole seconds, at least one, so that nobody asks again at once.

    Of the present whole second, as the date of the answer: it is the same all through it.
    """
    return max(1, math.ceil(at.timestamp()) - int(utc_now().timestamp()))
