"""tracker.probes.http.whole_answers: a plain answer means what h11 makes of it."""

from typing import Any

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.helpers.loopback import raw_server
from tracker.core.settings import Provider
from tracker.probes.http.fetch import Request, fetch
from tracker.probes.http.headers import read_headers
from tracker.probes.http.transport import open_transport
from tracker.probes.http.whole_answers import read_whole

BODY = b'{"data": []}'
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX-A:  b c \r\nx-a: d\r\n\r\n" + BODY
Parsed = tuple[int, tuple[tuple[str, str], ...], bytes]


def by_h11(data: bytes) -> Parsed | None:
    """Return what h11 reads; None where it is not one whole answer after which all goes on."""
    state = h11.Connection(h11.CLIENT)
    state.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    state.send(h11.EndOfMessage())
    state.receive_data(data)
    head: Any = None
    body = b""
    try:
        while not isinstance(event := state.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                return None
            if isinstance(event, h11.Data):
                body += event.data
            else:
                head = event
        if state.trailing_data[0]:
            return None
        state.start_next_cycle()
    except (h11.RemoteProtocolError, h11.LocalProtocolError):
        return None
    return head.status_code, read_headers(list(head.headers)), body


LINES = st.one_of(
    st.sampled_from(
        [
            *(b"Content-Length: 12", b"content-length:012", b"Content-Length: 12, 12"),
            *(b"Content-Length: +12", b"Content-Length: 13", b"Content-Length:"),
            *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip"),
            *(b"Connection: close", b"Connection: keep-alive", b"Connection: Keep-Alive, close"),
            *(b"X-A: b", b"X-A:\tb\t", b"X-A : b", b" folded", b"X A: b", b": b", b"X-A", b""),
            *(b"X-A: caf\xc3\xa9", b"X-A: \xff", b"X-A: a\x00b", b"X-A: a\rb", b"X-A: a\nb"),
            *(b"Upgrade: h2c", b"Trailer: x", b"Content-Encoding: gzip", b"Set-Cookie: a=b; c"),
        ]
    ),
    st.binary(max_size=12),
)
ANSWERS = st.builds(
    lambda first, lines, end, body: b"\r\n".join([first, *lines]) + end + body,
    st.sampled_from(
        [
            *(b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 404 Not Found"),
            *(b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 304 No", b"HTTP/1.1 100 Go on"),
            *(b"HTTP/1.1 205 Reset", b"HTTP/1.1 101 Other", b"HTTP/1.1  200 OK", b"http/1.1 200"),
            *(b"HTTP/1.1 2000 OK", b"HTTP/1.1 200 \xff", b"\r\nHTTP/1.1 200 OK", b"HTTP/2 200"),
        ]
    ),
    st.lists(LINES, max_size=4),
    st.sampled_from([b"\r\n\r\n", b"\r\n\r\n", b"\n\n", b"\r\n", b"\r\n\r\n\r\n"]),
    st.sampled_from([BODY, BODY, b"", BODY + b"x", BODY[:-1], BODY + PLAIN]),
)


@given(ANSWERS)
@example(PLAIN)
def test_a_plain_answer_is_what_h11_reads(data: bytes) -> None:
    whole = read_whole(data)
    assert whole is None or tuple(whole) == by_h11(data)


@given(st.integers(0, len(PLAIN)), st.binary(max_size=2), st.integers(0, 2))
def test_so_is_one_that_was_changed_anywhere(place: int, put: bytes, cut: int) -> None:
    data = PLAIN[:place] + put + PLAIN[place + cut :]
    whole = read_whole(data)
    assert whole is None or tuple(whole) == by_h11(data)


def test_it_is_read_with_its_headers() -> None:
    headers = (("content-length", "12"), ("x-a", "b c"), ("x-a", "d"))
    assert read_whole(PLAIN) == (200, headers, BODY)


@pytest.mark.parametrize("end", [*range(len(PLAIN))])
def test_one_that_is_cut_is_not_plain(end: int) -> None:
    assert read_whole(PLAIN[:end]) is None


async def test_plain_and_other_answers_follow_each_other_over_one_connection() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n" + BODY + b"\r\n0\r\n\r\n"
    )
    empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    replies = [PLAIN, chunked, PLAIN, PLAIN, chunked, chunked, empty, PLAIN]
    left = list(replies)
    connections = 0

    async def serve(stream: Any) -> None:
        nonlocal connections
        connections += 1
        while left:
            if not await stream.receive_some(65_536):
                return
            await stream.send_all(left.pop(0))

    async with raw_server(serve) as url:
        here = Provider(name="here", base_url=url)
        async with open_transport(here) as transport:
            got = [await fetch(transport, Request(url=f"{url}/a"), here) for _ in replies]
    assert [reply.body for reply in got] == [b"" if each is empty else BODY for each in replies]
    assert connections == 1
