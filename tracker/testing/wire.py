"""The part of HTTP/1.1 that a fake server needs, over any trio stream."""

from http import HTTPStatus

import attrs
import trio

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 4 * 1024 * 1024
JSON = "application/json"
HTML = "text/html; charset=utf-8"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}

Fields = tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class Request:
    """``path`` is without the query; ``headers`` have names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = attrs.field(default=b"", repr=False)

    @property
    def is_last(self) -> bool:
        """Return whether the client asks to close after the answer."""
        return self.headers.get("connection", "").lower() == "close"


@attrs.frozen(kw_only=True)
class Reply:
    status: int = 200
    body: bytes = attrs.field(default=b"", repr=False)
    content_type: str = JSON
    fields: Fields = ()

    def with_fields(self, fields: Fields) -> "Reply":
        """Return the reply with these header fields added at the end."""
        return attrs.evolve(self, fields=self.fields + fields)

    def encode(self) -> bytes:
        """Return the bytes of head and body, with the body's length."""
        head = head_of(self.status, (("content-type", self.content_type), *self.fields))
        return b"%scontent-length: %d\r\n\r\n%s" % (head, len(self.body), self.body)


def head_of(status: int, fields: Fields) -> bytes:
    """Return status line and fields, without the empty line that ends a head."""
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unnamed')}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


@attrs.define
class Wire:
    """One connection, seen from the server."""

    stream: trio.abc.Stream
    _unread: bytearray = attrs.field(factory=bytearray, init=False)

    async def receive(self) -> Request | None:
        """Return the next request; None if the client has disconnected.

        Raises ValueError if it is not HTTP.
        """
        while (end := self._unread.find(b"\r\n\r\n")) < 0:
            if not await self._more(HEAD_LIMIT):
                return None
        line, *fields = self._take(end + 4)[:-4].decode("latin-1").split("\r\n")
        method, target, version = line.split(" ", 2)
        if not version.startswith("HTTP/1."):
            raise ValueError("not HTTP/1")
        parts = [field.partition(":") for field in fields]
        headers = {name.strip().lower(): value.strip() for name, _, value in parts}
        length = int(headers.get("content-length", "0"))
        while len(self._unread) < length:
            if not await self._more(BODY_LIMIT):
                return None
        path, body = target.partition("?")[0], self._take(length)
        return Request(method=method, path=path, headers=headers, body=body)

    async def send(self, data: bytes) -> None:
        """Send all of it. Raises trio.BrokenResourceError if the client has disconnected."""
        await self.stream.send_all(data)

    async def until_gone(self) -> None:
        """Send nothing more, and return when the client disconnects."""
        while await self.stream.receive_some():
            pass

    async def _more(self, limit: int) -> bool:
        if len(self._unread) > limit:
            raise ValueError(f"more than {limit} bytes")
        data = await self.stream.receive_some()
        self._unread += data
        return bool(data)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken
