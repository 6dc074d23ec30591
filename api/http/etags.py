"""Answers as responses: ETag, If-None-Match and 304, Retry-After."""

import math
from datetime import datetime

from quart import Response, request

from api.http.response_cache import CachedResponse
from tracker.core.clock import utc_now


def respond(answer: CachedResponse) -> Response:
    """The response to the present request."""
    # Several are one list (RFC 9110 5.3); and asking for one that is not there costs an exception.
    tags = request.headers.getlist("If-None-Match")
    return response_of(answer, known=matches_etag(answer, ",".join(tags) if tags else None))


def matches_etag(answer: CachedResponse, if_none_match: str | None) -> bool:
    """Whether the asker has it already."""
    return answer.status == 200 and matches(if_none_match, answer.etag)


def response_of(answer: CachedResponse, *, known: bool) -> Response:
    """304 without a body where the answer is known already."""
    headers = {"ETag": answer.etag, "Cache-Control": "no-cache", **dict(answer.headers)}
    if answer.retry_at is not None:
        headers["Retry-After"] = str(seconds_until(answer.retry_at))
    if known:
        return Response(b"", 304, headers)
    return Response(answer.body, answer.status, headers, content_type=answer.content_type)


def matches(if_none_match: str | None, etag: str) -> bool:
    """Weakly, as RFC 9110 13.1.2 wants; our tags hold no comma."""
    if if_none_match is None:
        return False
    given = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in given or given == ["*"]


def seconds_until(at: datetime) -> int:
    """Whole seconds, at least one: nobody should be told to ask again at once."""
    return max(1, math.ceil((at - utc_now()).total_seconds()))
