"""Each request is sent once, whatever becomes of its answer: ours and the provider's counts agree.

Providers cut their answers off after each byte in turn, by an end and by a reset, close kept
connections while the next request is under way, and close them after every answer. Everything that
arrives is counted there, also what is never answered. Each is checked on request, in a real
``serve``, so that after each round the counts must be equal.
"""

import itertools
import socket
import struct
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import attrs
import trio

from benchmarks.torture.report import Outcome
from benchmarks.torture.served import TOKEN, Served, served

LISTED = b'{"object":"list","data":[{"id":"m"}]}'
SAID = (
    b'{"id":"1","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"a"}}]}'
)
LIST, CHAT = 'check = "models"\n', 'check = "chat"\nmodel = "m"\n'
MANUAL = "schedule = false\ninterval_seconds = 5.0\ntimeout_seconds = 5.0\n"
MANUAL += "completions_per_day = 1_000_000\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
RACES = 60  # of each provider: its kept connection is closed about when the next request comes
LINGER = struct.pack("ii", 1, 0)  # a close that is a reset


def whole(body: bytes) -> bytes:
    return HEAD + b"content-length: %d\r\n\r\n%s" % (len(body), body)


def chunked(body: bytes) -> bytes:
    return HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@attrs.frozen
class Turn:
    """What becomes of one request.

    sent: bytes of the answer that are sent, None for all. reset: the end is one. pause: seconds
    after the answer until the connection is closed, None to keep it.
    """

    sent: int | None = None
    reset: bool = False
    pause: float | None = None


KEEP = Turn()


def turns(answer: bytes, part: int, parts: int, races: int) -> Iterator[Turn]:
    """A share of all the ways to go wrong: every ``parts``-th, each after one that is well."""
    cuts = [Turn(sent, reset, 0.0) for sent in range(len(answer) + 1) for reset in (False, True)]
    raced = [Turn(None, bool(n % 2), n % 20 / 4_000.0) for n in range(races)]
    for turn in [*cuts[part::parts], *raced]:
        yield KEEP
        yield turn


@attrs.define(eq=False)
class Provider:
    """A provider that counts what arrives, by method."""

    answers: dict[str, bytes]
    turns: Iterator[Turn]
    url: str = ""
    arrived: Counter[str] = attrs.field(factory=Counter)
    over: bool = False

    async def serve(self, stream: trio.SocketStream) -> None:
        with suppress(*GONE):
            unread = b""
            while True:
                method, unread = await self._receive(stream, unread)
                if method is None:
                    break
                turn = next(self.turns, None)
                self.over = self.over or turn is None
                turn = turn or KEEP
                await stream.send_all(self.answers[method][: turn.sent])
                if turn.pause is not None:
                    await self._close(stream, turn, unread)
                    break
        await trio.aclose_forcefully(stream)

    async def _receive(self, stream: trio.SocketStream, unread: bytes) -> tuple[str | None, bytes]:
        """The method of the next request that came whole."""
        while True:
            head, end, rest = unread.partition(b"\r\n\r\n")
            length = int(dict(_fields(head)).get(b"content-length", b"0")) if end else 0
            if end and len(rest) >= length:
                method = head.split(b" ", 1)[0].decode()
                self.arrived[method] += 1
                return method, rest[length:]
            data = await stream.receive_some(65536)
            if not data:
                return None, unread
            unread += bytes(data)

    async def _close(self, stream: trio.SocketStream, turn: Turn, unread: bytes) -> None:
        """Close, and count what arrives all the same."""
        with trio.move_on_after(turn.pause or 0.0) as pausing:
            while (await self._receive(stream, unread))[0] is not None:
                unread = b""
        if turn.reset:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            return
        if pausing.cancelled_caught:
            await stream.send_eof()
            with trio.move_on_after(1.0):
                while (await self._receive(stream, unread))[0] is not None:
                    unread = b""


def _fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        yield name.strip().lower(), value.strip()


@asynccontextmanager
async def running(providers: dict[str, Provider]) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        for provider in providers.values():
            serve = partial(trio.serve_tcp, provider.serve, 0, host="127.0.0.1")
            listeners = await nursery.start(serve)
            port = listeners[0].socket.getsockname()[1]
            provider.url = f"http://127.0.0.1:{port}/v1"
        yield
        nursery.cancel_scope.cancel()


async def sent_once(parts: int = 12, *, left_out: int = 0, races: int = RACES) -> Outcome:
    """parts: providers of each of four kinds, among whom the cases are shared.

    left_out: cases that are left out for each one that is tried.
    """
    providers, own = {}, {}
    for method, body in (("GET", LISTED), ("POST", SAID)):
        for form, part in itertools.product((whole, chunked), range(parts)):
            name = f"{method}-{form.__name__}-{part}".lower()
            order = turns(form(body), part, parts * (1 + left_out), races)
            providers[name] = Provider({method: form(body)}, order)
            own[name] = CHAT if method == "POST" else LIST
    table: dict[str, Counter[str]] = {}
    wrong: list[str] = []
    async with running(providers):
        with tempfile.TemporaryDirectory() as folder:
            urls = {name: each.url for name, each in providers.items()}
            async with served(Path(folder), urls, tracker=MANUAL, own=own) as server:
                for rounds in itertools.count(1):
                    for name, outcome in (await check_all(server)).items():
                        table.setdefault(_kind(name), Counter())[outcome] += 1
                    await count(server, providers, rounds, wrong)
                    if wrong or all(each.over for each in providers.values()):
                        break
    arrived = Counter[str]()
    for each in providers.values():
        arrived += each.arrived
    head = {"rounds": rounds, "providers": len(providers), **arrived}
    shown = {kind: dict(sorted(found.items())) for kind, found in table.items()}
    return Outcome({**head, **shown}, tuple(wrong[:20]))


def _kind(name: str) -> str:
    method, form, _ = name.split("-")
    return f"{method.upper()}, {form}"


async def check_all(server: Served) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await server.client.post("/api/providers/check", headers=headers)
    found = answer.json()
    return {name: each["outcome"] for name, each in found["outcomes"].items()}


async def count(
    server: Served, providers: dict[str, Provider], rounds: int, wrong: list[str]
) -> None:
    """Each provider got one request for each check, and each completion is told."""
    told = (await server.json("/api/providers/status"))["providers"]
    for name, provider in providers.items():
        arrived, checks = provider.arrived.total(), told[name]["checks_24h"]
        completions = told[name]["completions_24h"]
        if not arrived == checks == rounds:
            wrong.append(f"{name}: {arrived} requests came, {checks} checks are told of {rounds}")
        if completions != provider.arrived["POST"]:
            wrong.append(f"{name}: {provider.arrived['POST']} completions came, {completions} told")
