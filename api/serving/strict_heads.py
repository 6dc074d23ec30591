"""Requests that two programs may read differently: refused, before anybody behind us is fooled.

A proxy in front and h11 here may disagree on where such a request ends or on what it asks, so that
the rest of one passes for another that nobody has judged (RFC 9112, section 11.2).
"""

from collections.abc import Sequence

from api.http.problems import CLOSE, CROWDED_OUT, Problem

# A second one of these is a second opinion: h11 refuses it of Host, Content-Length and
# Transfer-Encoding alone.
ONCE = (b"authorization", b"content-type", b"expect", b"origin")


def find_ambiguity(method: bytes, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return what may be read in two ways, None where nothing is. headers: names in lower case."""
    names = [name for name, _ in headers]
    if b"transfer-encoding" in names and b"content-length" in names:
        return "a body has a Content-Length or a Transfer-Encoding, not both"
    for name in ONCE:
        if names.count(name) > 1:
            return f"{name.decode().title()} is there more than once"
    if not method.isupper():
        return "a method is written in capitals"
    return None


def ambiguous(what: str) -> Problem:
    """Make a 400 problem that ends the connection. what: as ``find_ambiguity`` tells it."""
    return Problem(status=400, detail=what, headers=CLOSE)


def crowded() -> Problem:
    """Make a 503 problem for a request for which there is no room."""
    detail = "so many requests are being answered that there is room for no other: ask again"
    return Problem(status=503, detail=detail, headers=CROWDED_OUT)
