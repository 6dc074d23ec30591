"""The answers of the fast lane: which requests are hot, and the bytes that answer them.

A request is hot when its head is plain and nothing in it could change the answer of the ordinary
route but If-None-Match. Whatever is not surely so is not hot. Answers are made by the functions
of the ordinary route, and kept for a second at most, which is how often their date changes.
"""

import re
from collections.abc import Callable, Mapping
from time import time
from typing import TYPE_CHECKING

import attrs
import h11
from hypercorn.config import Config as HyperConfig
from quart.utils import encode_headers

from api.http.auth import AllowedHosts
from api.http.etags import matches_etag, response_of
from api.http.middleware import add_security_headers
from api.http.response_cache import CachedResponse, ResponseCache
from tracker.core.snapshot import Snapshot

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

HEAD_BYTES = 2_048  # a longer head is not hot
HEADS = 256  # heads remembered; those of one program differ only in their ETags
# No blank before the colon, no folded lines, no bytes beyond ASCII: whatever is disputed in a
# head is left to the ordinary route's parser.
_FIELD = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?[ \t]*")
# With these the ordinary route does more than answer. An Authorization is not to be remembered.
_COLD = frozenset(
    (b"authorization", b"content-length", b"expect", b"te", b"trailer", b"transfer-encoding")
) | {b"upgrade", b"http2-settings", b"proxy-authorization", b"cookie"}
_ONCE = frozenset((b"host", b"connection", b"if-none-match"))

Encode = Callable[[Snapshot], CachedResponse]


@attrs.frozen
class ParsedRequest:
    """A hot request."""

    path: bytes
    encode: Encode
    if_none_match: str | None


class FastPathResponses:
    """The hot answers of one server."""

    def __init__(self, tracker: "Tracker", answers: ResponseCache) -> None:
        settings = tracker.config.server
        prefixes = {"", settings.root_path.rstrip("/")}
        paths = {"/api/providers/best": answers.best, "/api/providers/status": answers.status}
        self._board = tracker.board
        self._hosts = AllowedHosts.of(settings)
        self._lines: Mapping[bytes, tuple[bytes, Encode]] = {
            f"GET {prefix}{path} HTTP/1.1".encode(): (path.encode(), encode)
            for prefix in prefixes
            for path, encode in paths.items()
        }
        self._beginnings = tuple(line + b"\r\n" for line in self._lines)
        self._heads: dict[bytes, ParsedRequest | None] = {}
        self._snapshot, self._second = self._board.latest, -1
        self._said: dict[bytes, bytes] = {}  # by head, of that snapshot in that second
        self._written: dict[tuple[bytes, bool], bytes] = {}

    def answer(self, head: bytes, config: HyperConfig) -> bytes | None:
        """What the ordinary route would send, None where it has to do so itself.

        head: one request up to and with its blank line. config: the ordinary route's.
        """
        snapshot, second = self._board.latest, int(time())
        if snapshot is not self._snapshot or second != self._second:
            self._snapshot, self._second = snapshot, second
            self._said.clear()
            self._written.clear()
        said = self._said.get(head)
        return self._look_up(head, config) if said is None else said

    def _look_up(self, head: bytes, config: HyperConfig) -> bytes | None:
        if len(head) > HEAD_BYTES or not head.startswith(self._beginnings):
            return None
        if head not in self._heads:
            self._remember(head)
        if (asked := self._heads[head]) is None:
            return None
        answer = asked.encode(self._snapshot)
        if answer.status != 200:  # with a Retry-After that depends on the moment
            return None
        key = asked.path, matches_etag(answer, asked.if_none_match)
        if key not in self._written:
            self._written[key] = write(answer, known=key[1], config=config)
        self._said[head] = self._written[key]
        return self._said[head]

    def _remember(self, head: bytes) -> None:
        if len(self._heads) >= HEADS:
            self._heads.clear()
            self._said.clear()
        self._heads[head] = self._read(head)

    def _read(self, head: bytes) -> ParsedRequest | None:
        line, *fields = head[:-4].split(b"\r\n")
        path, encode = self._lines[line]
        found: dict[bytes, bytes] = {}
        for field in fields:
            matched = _FIELD.fullmatch(field)
            if matched is None:
                return None
            name = matched[1].lower()
            if name in _COLD or (name in _ONCE and name in found):
                return None
            found[name] = matched[2] or b""
        if found.get(b"connection", b"keep-alive").lower() != b"keep-alive":
            return None
        if b"host" not in found or not self._hosts.allow(found[b"host"].decode()):
            return None
        etags = found.get(b"if-none-match")
        return ParsedRequest(path, encode, None if etags is None else etags.decode())


def write(answer: CachedResponse, *, known: bool, config: HyperConfig) -> bytes:
    """As Quart, hypercorn and h11 write it between them."""
    response = add_security_headers(response_of(answer, known=known))
    headers = [*encode_headers(response.headers), *config.response_headers("h11")]
    events: list[h11.Event] = [h11.Response(status_code=response.status_code, headers=headers)]
    if not known:
        events.append(h11.Data(data=answer.body))
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connection.next_event(), connection.next_event()  # that request, and its end
    return b"".join(connection.send(event) or b"" for event in (*events, h11.EndOfMessage()))
