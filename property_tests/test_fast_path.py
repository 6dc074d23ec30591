"""The fast path compared with the ordinary route: equal answers to equal requests.

Requests are mixed and their bytes cut at random; both servers get the same pieces, and their
answers are compared byte by byte, except for the values of dates.
"""

import re
from functools import cache, partial
from typing import Any

import pytest
import trio
import trio.testing
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app
from hypothesis import event, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.http.response_cache import ResponseCache
from api.serving.edge import RootPathMiddleware
from api.serving.fast_path_connection import FastPathConnection
from api.serving.fast_path_responses import FastPathResponses
from api.serving.http_connection import HttpConnection
from api.serving.http_server import _settings
from tests.helpers.idle_tracker import a_bare_provider, a_provider, a_tracker
from tracker.core.redaction import Secret

DATE = re.compile(rb"\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n")
BEST, STATUS = "/api/providers/best", "/api/providers/status"
TOKEN, ADMIN = "r" * 32, "a" * 32
FORMS = [
    BEST, STATUS, f"{STATUS}/groq", f"{STATUS}/nobody", "/livez", f"{BEST}?candidates=groq",
    f"{BEST}?exclude=groq", f"{BEST}?candidates=groq,mistral&exclude=x",
    f"{BEST}?model=GPT-OSS-20B", f"{BEST}?model=nothing-of-the-kind", f"{BEST}?candidates=%67roq",
    f"{BEST}?candidates=a&model=b", f"{BEST}?candidates=groq/gpt-oss-20b",
    f"/llm{BEST}?candidates=groq",
]  # fmt: skip


class Side:
    """One of the two servers, over a tracker that both share."""

    def __init__(self, tracker: Any, *, fast: Any) -> None:
        answers = ResponseCache()
        self.app = wrap_app(
            RootPathMiddleware(create_app(tracker, answers=answers), "/llm"), 0, "asgi"
        )
        self.hot = CountingHot(tracker, answers)
        self.fast = fast
        self.etag = answers.best(tracker.snapshot).etag

    async def says(self, pieces: Any) -> tuple[Any, ...]:
        """Return its whole answer to these pieces, and whether it closed before the client did."""
        ours, theirs = map(trio.SocketStream, trio.socket.socketpair())
        make = partial(FastPathConnection, self.hot) if self.fast else HttpConnection
        connection = make(
            self.app, _settings(str), WorkerContext(None), ConnectionState({}), theirs
        )
        said = bytearray()
        async with ours, theirs, trio.open_nursery() as nursery:
            nursery.start_soon(connection.run)
            nursery.start_soon(self._listen, ours, said)
            closed = False
            for piece in pieces:
                await trio.testing.wait_all_tasks_blocked()
                try:
                    await ours.send_all(piece)
                except trio.BrokenResourceError:
                    closed = True
                    break
            await trio.testing.wait_all_tasks_blocked()
            await ours.send_eof()
        return DATE.sub(b"\r\ndate: -\r\n", bytes(said)), closed

    async def _listen(self, stream: Any, said: Any) -> None:
        async for data in stream:
            said += data


class CountingHot(FastPathResponses):
    """Counts how often the fast path was used."""

    taken = 0

    def answer(self, head: Any, config: Any) -> Any:
        answer = super().answer(head, config)
        self.taken += answer is not None
        return answer


names = st.sampled_from(
    ["X-Any", "Accept", "Accept-Encoding", "User-Agent", "Host", "Connection", "Cookie", "TE"]
) | (
    st.sampled_from(["If-None-Match", "Content-Length", "Expect", "Range", "Authorization", "B d"])
)
values = st.sampled_from(
    ["", "*", "*/*", "localhost", "evil.example", "close", "keep-alive", "Keep-Alive", "upgrade",
     "0", "5", "a, b", " padded ", '"ETAG"', 'W/"ETAG"', '"no", "ETAG"', '"other"', "100-continue",
     "gzip", "gzip, deflate", "gzip;q=0", "br", f"Bearer {TOKEN}", f"bearer {ADMIN}", "Basic Og==",
     "\x7f", "tab\there", "é", "a\r\n folded"]
)  # fmt: skip
targets = st.sampled_from(FORMS) | st.sampled_from(
    [f"/llm{BEST}", f"{BEST}?", f"{BEST}?model=", f"{BEST}?x=1", f"{BEST}?candidates=",
     f"{BEST}?candidates=groq#x", f"{BEST}?candidates=gr oq", f"{BEST}?model=a&model=b", f"{BEST}/",
     f"{BEST}?candidates=%ff&exclude=%", f"{BEST}?exclude=a+b;c&&=", f"{STATUS}/", f"{STATUS}/a/b",
     f"{STATUS}/gr%6fq", f"{STATUS}/..", f"{STATUS}/groq?x", "/livez?", "/livez/", "/llm/livez",
     "//", "/nowhere", f"http://localhost{BEST}", "*", "/readyz"]
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> Any:
    """Draw requests: half for the fast path, the others arbitrary."""
    if draw(st.booleans()):
        etag = draw(st.sampled_from(["", 'If-None-Match: "ETAG"\r\n', "If-None-Match: x\r\n"]))
        coding = draw(st.sampled_from(["", "Accept-Encoding: gzip, br\r\n"]))
        token = draw(st.sampled_from(["", TOKEN, TOKEN, ADMIN, TOKEN[:-1] + "s"]))
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        path = draw(st.sampled_from(FORMS))
        return f"GET {path} HTTP/1.1\r\nHost: localhost:8000\r\n{coding}{bearer}{etag}\r\n"
    method = draw(st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "get", "OPTIONS"]))
    version = draw(st.sampled_from(["1.1", "1.1", "1.1", "1.0", "2.0", "0.9"]))
    host = draw(st.sampled_from(["Host: localhost\r\n", "host:127.0.0.1\r\n", ""]))
    fields = draw(st.lists(st.tuples(names, values), max_size=3))
    end = draw(st.sampled_from(["\r\n", "\r\n", "\r\n", "\n"]))
    head = f"{method} {draw(targets)} HTTP/{version}{end}{host}"
    return head + "".join(f"{name}: {value}{end}" for name, value in fields) + end


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Any, ...]:
    """Draw pieces of a few requests, sent one after the other or at once."""
    text = "".join(draw(st.lists(requests(), min_size=1, max_size=4)))
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=4))
    return text, sorted(cuts)


def pieces_of(text: str, cuts: Any, etag: Any) -> list[Any]:
    data = text.replace("ETAG", etag.strip('"')).encode("latin-1")
    ends = [*cuts, len(data)]
    return [piece for a, b in zip([0, *cuts], ends, strict=True) if (piece := data[a:b])]


@cache
def sides(usable: bool, locked: bool) -> tuple[Any, ...]:
    """Run the ordinary route and the fast path over one tracker. locked: with a read token."""
    tokens: dict[str, Any] = (
        {"read_token": Secret(TOKEN), "admin_token": Secret(ADMIN)} if locked else {}
    )
    watched = [a_provider() if usable else a_bare_provider("groq"), a_bare_provider("mistral")]
    tracker = a_tracker(*watched, root_path="/llm", port=0, **(tokens if locked else {}))
    return Side(tracker, fast=False), Side(tracker, fast=True)


def both(usable: bool, conversation: Any, *, locked: bool = False) -> tuple[Any, ...]:
    """Return the answer of each, and how many requests used the fast path."""
    slow, fast = sides(usable, locked)
    before = fast.hot.taken
    text, cuts = conversation
    pieces = pieces_of(text, cuts, slow.etag)

    async def compare() -> tuple[Any, ...]:
        with trio.fail_after(1000):
            return await slow.says(pieces), await fast.says(pieces)

    clock = trio.testing.MockClock(autojump_threshold=0.0)
    return *trio.run(compare, clock=clock), fast.hot.taken - before


def plain(path: Any = BEST, fields: str = "") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"


@settings(deadline=None)
@given(conversations(), st.booleans(), st.booleans())
def test_the_fast_path_answers_like_the_ordinary_route(
    conversation: Any, usable: bool, locked: bool
) -> None:
    ordinary, fast, taken = both(usable, conversation, locked=locked)
    event(f"taken {min(taken, 3)}")
    assert fast == ordinary


@pytest.mark.parametrize(
    ("conversation", "taken"),
    [
        ((plain() * 3 + plain(STATUS), []), 4),
        ((plain() + plain("/readyz") + plain(), []), 1),  # later requests wait in hypercorn
        ((plain() + plain("/livez") + plain(f"{STATUS}/groq") + plain(f"{STATUS}/nobody"), []), 4),
        ((plain(f"{BEST}?candidates=groq&exclude=mistral") + plain(f"{BEST}?model=none"), []), 2),
        ((plain(f"{BEST}?cand=groq"), []), 1),
        ((plain(f"{STATUS}/gr%6fq"), []), 0),
        ((plain() * 2, [len(plain())]), 2),
        ((plain() * 2, [10, 40]), 0),
        ((plain() * 3, [10, len(plain()), 2 * len(plain())]), 2),
        ((plain(f"/llm{BEST}"), []), 1),
        ((plain(fields='If-None-Match: W/"ETAG"\r\n'), []), 1),
        ((plain(fields="Connection: Keep-Alive\r\n"), []), 1),
        ((plain(fields="Connection: close\r\n"), []), 0),
        ((plain(fields="Host: localhost\r\n"), []), 0),
        ((plain(fields="Authorization: Bearer x\r\n"), []), 1),  # nothing is asked for
        ((plain(fields="Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n"), []), 0),
        ((plain(fields="Content-Length: 0\r\n"), []), 0),
        ((plain().replace("localhost", "evil.example"), []), 0),
        ((plain().replace("1.1", "1.0"), []), 0),
        ((plain().replace("GET", "HEAD"), []), 0),
        ((plain() * 1_100, []), 999),  # a connection serves a thousand, then closes
    ],
)
def test_the_fast_path_answers_its_own_requests_only(conversation: Any, taken: int) -> None:
    ordinary, fast, count = both(True, conversation)
    assert count == taken
    assert fast == ordinary
    assert fast[0].startswith(b"HTTP/1.1 ")


def test_without_a_best_provider_the_fast_path_sends_retry_after() -> None:
    ordinary, fast, taken = both(False, (plain() + plain(f"{BEST}?candidates=mistral"), []))
    assert (fast, taken) == (ordinary, 2)
    assert fast[0].count(b"HTTP/1.1 503 ") == fast[0].count(b"\r\nretry-after: 1\r\n") == 2


def authorized(token: str, path: str = BEST) -> str:
    return plain(path, f"authorization:  Bearer {token}\r\n")


@pytest.mark.parametrize(
    ("request_", "taken", "status"),
    [
        (authorized(TOKEN), True, 200),
        (authorized(ADMIN), True, 200),
        (authorized(TOKEN[:-1] + "s"), False, 401),
        (plain(), False, 401),
        (plain("/livez"), True, 200),
        (authorized("wrong", "/livez"), False, 200),
    ],
)
def test_with_a_read_token_the_fast_path_serves_requests_that_have_it(
    request_: str, taken: bool, status: int
) -> None:
    ordinary, fast, count = both(True, (request_ * 2, []), locked=True)
    assert fast == ordinary
    assert count == 2 * taken
    assert fast[0].count(b"HTTP/1.1 %d " % status) == 2


def test_a_second_token_is_refused_and_ends_the_connection() -> None:
    request = authorized(TOKEN).replace("\r\n\r\n", "\r\nAuthorization: x\r\n\r\n")
    ordinary, fast, count = both(True, (request * 2, []), locked=True)
    assert fast == ordinary
    assert (count, fast[0].count(b"HTTP/1.1 400 "), fast[0].count(b"HTTP/1.1 ")) == (0, 1, 1)
