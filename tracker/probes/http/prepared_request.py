"""A request as it is sent over the wire, built once for all checks that send the same."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import attrs
import h11
import httpcore
import httpx

from tracker.probes.http.plain_requests import write_get

USER_AGENT = "provider-status-tracker/0.1"  # Together's firewall refuses Python's default one
HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


@attrs.frozen(eq=False)
class PreparedRequest:
    """A request as sent over the wire, built once for all checks that send the same.

    url: its origin and target. headers: raw pairs. wire: its bytes.
    """

    method: bytes
    url: httpcore.URL
    headers: list[tuple[bytes, bytes]] = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)
    wire: bytes = attrs.field(repr=False)
    origin: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "origin", str(self.url.origin))

    @classmethod
    def of(
        cls, method: bytes, url: httpcore.URL, headers: list[tuple[bytes, bytes]], content: bytes
    ) -> "PreparedRequest":
        """Build a request on h11.

        Raises httpcore.LocalProtocolError where no header can hold what is to be sent.
        """
        try:
            events = _events(method, url, headers, content)
            wire = to_bytes(h11.Connection(h11.CLIENT), events)
        except h11.LocalProtocolError as error:
            raise httpcore.LocalProtocolError(str(error)) from error
        return cls(method, url, headers, content, wire)

    @cached_property
    def events(self) -> tuple[h11.Event, ...]:
        """Return it as h11 events, for an answer that h11 has to read."""
        return _events(self.method, self.url, self.headers, self.content)


def _events(
    method: bytes, url: httpcore.URL, headers: list[tuple[bytes, bytes]], content: bytes
) -> tuple[h11.Event, ...]:
    head = h11.Request(method=method, target=url.target, headers=headers)
    return (head, *((h11.Data(data=content),) if content else ()), h11.EndOfMessage())


def to_bytes(state: h11.Connection, events: Sequence[h11.Event]) -> bytes:
    """Return a request's bytes, sent by this state. Raises h11.LocalProtocolError."""
    return b"".join(state.send(event) or b"" for event in events)


def prepare_request(
    method: str, url: str, headers: Mapping[str, str], content: bytes | None
) -> PreparedRequest:
    """Return the request as it is sent, in its plainest form where it has one.

    Raises httpx.InvalidURL, httpcore.LocalProtocolError and ValueError.
    """
    headers = {**HEADERS, **headers}
    if method == "GET" and content is None and (plain := write_get(url, headers)) is not None:
        scheme, host, port, target, raw, wire = plain
        place = httpcore.URL(scheme=scheme, host=host, port=port, target=target)
        return PreparedRequest(b"GET", place, raw, b"", wire)
    made = httpx.Request(method, url, headers=headers, content=content)
    place = httpcore.URL(
        scheme=made.url.raw_scheme,
        host=made.url.raw_host,
        port=made.url.port,
        target=made.url.raw_path,
    )
    return PreparedRequest.of(made.method.encode("ascii"), place, made.headers.raw, made.content)
