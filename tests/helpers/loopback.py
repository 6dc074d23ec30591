"""Real HTTP servers on loopback for tests: they record requests and give the answers of the
test."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial

import attrs
import h11
import msgspec
import trio

Stream = trio.abc.Stream


@attrs.frozen(kw_only=True)
class Asked:
    """A request as it came in: target with its query, header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return msgspec.json.decode(self.body)


@attrs.frozen(kw_only=True)
class Answer:
    """delay: seconds before each piece of the body."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    pieces: tuple[bytes, ...] = ()
    delay: float = 0.0


def answer(body: object = b"", status: int = 200, **headers: str) -> Answer:
    """An answer with a JSON body, or with bytes as they are; _ in header names stands for -."""
    kind = "application/json"
    if isinstance(body, bytes):
        raw, kind = body, "text/plain"
    elif isinstance(body, str):
        raw, kind = body.encode(), "text/html"
    else:
        raw = msgspec.json.encode(body)
    told = {"content-type": kind} | {k.replace("_", "-"): v for k, v in headers.items()}
    return Answer(status=status, headers=tuple(told.items()), pieces=(raw,))


def events(*values: object, delay: float = 0.0) -> Answer:
    """A stream of server-sent events, ended as OpenAI does."""
    pieces = [b"data: " + msgspec.json.encode(value) + b"\n\n" for value in values]
    return Answer(
        headers=(("content-type", "text/event-stream"),),
        pieces=(*pieces, b"data: [DONE]\n\n"),
        delay=delay,
    )


@attrs.define
class Server:
    url: str
    asked: list[Asked] = attrs.field(factory=list)
    connections: int = 0


@asynccontextmanager
async def http_server(
    answers: Answer | Callable[[Asked], Answer], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server(url="")
    reply = answers if callable(answers) else lambda _: answers

    async def serve(stream: Stream) -> None:
        server.connections += 1
        connection = h11.Connection(h11.SERVER)
        while (asked := await _request(stream, connection)) is not None:
            server.asked.append(asked)
            await _respond(stream, connection, reply(asked))
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()

    async with raw_server(serve, tls) as url:
        server.url = url
        yield server


@asynccontextmanager
async def raw_server(
    serve: Callable[[Stream], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serves each connection with ``serve``; yields the URL."""

    async def handle(stream: Stream) -> None:
        if tls is not None:
            stream = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
        try:
            async with stream:
                await serve(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            pass

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            partial(trio.serve_tcp, handle, 0, host="127.0.0.1", handler_nursery=nursery)
        )
        port = listeners[0].socket.getsockname()[1]
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


async def _request(stream: Stream, connection: h11.Connection) -> Asked | None:
    head, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return Asked(
                method=head.method.decode(),
                target=head.target.decode(),
                headers={k.decode(): v.decode() for k, v in head.headers},
                body=body,
            )
        else:
            return None


async def _respond(stream: Stream, connection: h11.Connection, given: Answer) -> None:
    for event in _events(given):
        if given.delay and isinstance(event, h11.Data):
            await trio.sleep(given.delay)
        data = connection.send(event)
        assert data is not None
        await stream.send_all(data)


def _events(given: Answer) -> Iterable[h11.Event]:
    headers = list(given.headers)
    if not any(name.lower() == "content-length" for name, _ in headers) and len(given.pieces) <= 1:
        headers.append(("content-length", str(sum(map(len, given.pieces)))))
    yield h11.Response(status_code=given.status, headers=headers)
    yield from (h11.Data(data=piece) for piece in given.pieces if piece)
    yield h11.EndOfMessage()
