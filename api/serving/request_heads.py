"""Parsing request heads for the fast path: only simple ones without ambiguity."""

import re

import attrs

from api.http.auth import AllowedHosts, require_reader
from api.http.etags import accepts_gzip
from api.http.middleware import OPEN_PATHS
from api.http.problems import Problem
from tracker.core.settings import ServerSettings

HEAD_BYTES = 8_192  # a longer head is not hot
# No blank before the colon, no folded lines, only ASCII: anything ambiguous is left to the ordinary
# route's parser.
_FIELD = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?[ \t]*")
# Paths without escapes; queries with all characters allowed in a URL, and escapes.
_LINE = re.compile(rb"GET (/[A-Za-z0-9/._-]*)(?:\?([!$&-;=?-Z_a-z~%]*))? HTTP/1\.1")
# With these headers the ordinary route does more than answer.
_COLD = frozenset(
    (b"content-length", b"expect", b"te", b"trailer", b"transfer-encoding", b"upgrade")
) | {b"http2-settings", b"proxy-authorization", b"cookie", b"authorization"}
_ONCE = frozenset((b"host", b"connection", b"if-none-match", b"accept-encoding"))
_AUTHORIZATION = b"\r\nauthorization:"
_CREDENTIALS = re.compile(rb"[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*")


@attrs.frozen
class Head:
    """A simple head. target: the path, without the server's prefix, and the query."""

    target: bytes
    path: str
    query: bytes
    if_none_match: str | None
    gzip: bool


class HeadReader:
    """Parses heads by one server's rules: its hosts, prefix and read token."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._hosts = AllowedHosts.of(settings)
        self._prefix = f"{settings.root_path.rstrip('/')}/"
        self._open = tuple(f"GET {path} HTTP/1.1\r\n".encode() for path in OPEN_PATHS)

    def admit(self, head: bytes) -> bytes | None:
        """Return the head without its credentials, which must not be remembered; None where the
        ordinary route has to judge them.
        """
        if len(head) > HEAD_BYTES:
            return None
        lower = head.lower()
        at = lower.find(_AUTHORIZATION)
        if at < 0:
            is_open = self._settings.read_token is None or head.startswith(self._open)
            return head if is_open else None
        end = head.find(b"\r\n", at + 2)
        given = _CREDENTIALS.fullmatch(head, at + len(_AUTHORIZATION), end)
        if given is None or lower.find(_AUTHORIZATION, end) >= 0:
            return None
        if not self._may_read(given[1].decode()):
            return None
        return head[:at] + head[end:]

    def _may_read(self, authorization: str) -> bool:
        if self._settings.read_token is None:
            return True
        try:
            require_reader(self._settings, authorization)
        except Problem:
            return False
        return True

    def read(self, head: bytes) -> Head | None:
        """Return what a head asks for, None for one that is not plain."""
        line, *fields = head[:-4].split(b"\r\n")
        asked, found = _LINE.fullmatch(line), _fields(fields)
        if asked is None or found is None:
            return None
        if found.get(b"connection", b"keep-alive").lower() != b"keep-alive":
            return None
        if b"host" not in found or not self._hosts.allow(found[b"host"].decode()):
            return None
        tags, codings = found.get(b"if-none-match"), found.get(b"accept-encoding")
        path, query = asked[1].decode(), asked[2] or b""
        if path.startswith(self._prefix):
            path = f"/{path.removeprefix(self._prefix)}"
        return Head(
            target=path.encode() + b"?" + query,
            path=path,
            query=query,
            if_none_match=None if tags is None else tags.decode(),
            gzip=codings is not None and accepts_gzip(codings.decode()),
        )


def _fields(lines: list[bytes]) -> dict[bytes, bytes] | None:
    found: dict[bytes, bytes] = {}
    for line in lines:
        matched = _FIELD.fullmatch(line)
        if matched is None:
            return None
        name = matched[1].lower()
        if name in _COLD or (name in _ONCE and name in found):
            return None
        found[name] = matched[2] or b""
    return found
