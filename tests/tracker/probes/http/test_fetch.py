"""tracker.probes.http.fetch: one bounded request over real sockets, every failure named."""

import gzip
import json
import logging
import resource
import socket
import ssl
import threading
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from tests.helpers.certificates import server_context
from tests.helpers.loopback import Answer, answer, http_server, raw_server
from tests.helpers.turns import counted_turns
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.core.outcomes import MESSAGE_LENGTH, Facts, OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.probes.http import transport as transports
from tracker.probes.http.allowed_addresses import is_address
from tracker.probes.http.failures import FetchError
from tracker.probes.http.fetch import AT_ONCE, LARGE, Progress, Request, fetch
from tracker.probes.http.prepared_request import USER_AGENT
from tracker.probes.http.transport import open_transport

KEY = "sk-canary-0123456789abcdef"
LIST = {"object": "list", "data": [{"id": "gpt-oss-20b"}]}


def provider(url: Any, **more: Any) -> Provider:
    more.setdefault("keys", (Secret(KEY),))
    return Provider(name="here", base_url=f"{url}/v1", **more)


async def check(url: Any, tls: Any = None, **more: Any) -> Any:
    async with open_check(provider(url, **more), tls=tls) as ask:
        return await ask()


async def check_raw(serve: Any, **more: Any) -> Any:
    async with raw_server(serve) as url:
        return await check(url, **more)


def says(*sent: bytes) -> Any:
    """A server that reads a request, sends these bytes and closes."""

    async def serve(stream: Any) -> None:
        await stream.receive_some(65536)
        for piece in sent:
            await stream.send_all(piece)

    return serve


async def test_requests_name_the_tracker_and_ask_for_no_compression() -> None:
    async with http_server(answer(LIST)) as server:
        await check(server.url)
    headers = server.asked[0].headers
    assert headers["user-agent"] == USER_AGENT
    assert headers["accept-encoding"] == "identity"
    assert headers["authorization"] == f"Bearer {KEY}"


async def test_it_keeps_its_connection_and_no_cookie() -> None:
    given = answer(LIST, set_cookie="a=b")
    async with http_server(given) as server, open_check(provider(server.url)) as ask:
        kinds = [(await ask()).kind for _ in range(3)]
    assert kinds == [OutcomeKind.OK] * 3
    assert server.connections == 1
    assert all("cookie" not in asked.headers for asked in server.asked)


async def test_duplicated_headers_are_all_kept() -> None:
    given = Answer(headers=(("X-One", "1"), ("x-one", "2")))
    async with http_server(given) as server, open_transport(provider(server.url)) as transport:
        reply = await fetch(transport, Request(url=server.url), provider(server.url))
    assert [pair for pair in reply.headers if pair[0] == "x-one"] == [
        ("x-one", "1"),
        ("x-one", "2"),
    ]


async def test_a_redirect_is_not_followed_and_names_only_the_host() -> None:
    async with http_server(answer(LIST)) as other:
        to = f"{other.url}/v1/models?key={KEY}"
        async with http_server(answer(status=307, location=to)) as server:
            finding = await check(server.url)
    host = other.url.removeprefix("http://")
    assert finding.kind is OutcomeKind.BAD_RESPONSE
    assert finding.message == f"redirected to {host} (307): base_url is not the API's address"
    assert finding.facts == Facts(reachable=True)
    assert other.asked == []


LONG_LIST = b'{"data":[' + b'{"id":"' + b"m" * 5_000_000 + b'"}]}'


@pytest.mark.parametrize("pieces", [1, 5], ids=["declared", "chunked"])
async def test_a_list_of_5_mb_is_too_large(pieces: int) -> None:
    size = len(LONG_LIST) // pieces + 1
    parts = tuple(LONG_LIST[n * size : (n + 1) * size] for n in range(pieces))
    async with http_server(Answer(pieces=parts)) as server:
        finding = await check(server.url)
    assert finding.kind is OutcomeKind.BAD_RESPONSE
    assert finding.message == f"the answer is too large: over {LARGE // 1024} KiB"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def without_end(head: bytes, unit: bytes) -> Any:
    """A server that answers with the same forever."""

    async def serve(stream: Any) -> None:
        await stream.receive_some(65536)
        await stream.send_all(head)
        while True:
            await stream.send_all(unit * 1000)

    return serve


@pytest.mark.parametrize("check", ["models", "chat"])
async def test_a_body_in_chunks_of_one_byte_is_given_up(check: str) -> None:
    finding = await check_raw(without_end(CHUNKED, b"1\r\n \r\n"), check=check, model="m")
    assert finding.kind is OutcomeKind.BAD_RESPONSE
    assert "tiny pieces" in finding.message


@pytest.mark.parametrize(
    "unit", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 A\r\nb: c\r\n\r\n"]
)
async def test_a_head_without_end_is_given_up(unit: bytes) -> None:
    finding = await check_raw(without_end(b"", unit))
    assert finding.kind is OutcomeKind.BAD_RESPONSE
    assert "endless headers" in finding.message


async def test_other_tasks_run_while_a_body_arrives() -> None:
    small = b"".join(b"1\r\n%c\r\n" % byte for byte in json.dumps(LIST).encode() + b" " * 10_000)
    async with counted_turns() as turns:
        finding = await check_raw(says(CHUNKED + small + b"0\r\n\r\n"))
    assert finding.kind is OutcomeKind.OK
    assert turns.taken >= 10_000 // AT_ONCE


async def test_a_body_declared_too_large_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n"

    async def serve(stream: Any) -> None:
        await stream.receive_some(65536)
        await stream.send_all(head)
        await trio.sleep_forever()

    with trio.fail_after(GIVE_UP_SECONDS):
        finding = await check_raw(serve)
    assert finding.message == f"the answer is too large: over {LARGE // 1024} KiB"


async def test_an_error_of_5_mb_is_judged_by_its_beginning() -> None:
    async with http_server(answer(b"no! " * 1_250_000, status=500)) as server:
        finding = await check(server.url)
    assert finding.kind is OutcomeKind.SERVER
    assert finding.message.startswith("server error (500): no! no!")
    assert len(finding.message) == MESSAGE_LENGTH


async def test_a_gzip_bomb_is_not_decompressed() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    async with http_server(answer(bomb, content_encoding="gzip")) as server:
        finding = await check(server.url)
    assert finding.kind is OutcomeKind.BAD_RESPONSE
    assert finding.message == "the compressed answer is too large: over 1024 KiB"


async def test_a_compressed_answer_is_decompressed_within_bounds() -> None:
    listed = gzip.compress(b'{"data": [{"id": "a"}]}')
    async with http_server(answer(listed, content_encoding="gzip")) as server:
        finding = await check(server.url)
    assert (finding.kind, finding.models) == (OutcomeKind.OK, ("a",))


async def test_a_compression_we_cannot_bound_is_refused() -> None:
    async with http_server(answer(b"x", content_encoding="br")) as server:
        finding = await check(server.url)
    assert finding.message == "the answer is compressed although we did not ask for it"


async def test_a_compressed_error_is_judged_by_its_status() -> None:
    async with http_server(answer(b"\x1f\x8b", status=401, content_encoding="gzip")) as server:
        finding = await check(server.url)
    assert (finding.kind, finding.message) == (
        OutcomeKind.AUTH,
        "our key or account was refused (401)",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 200_000,
        b'{"data": [{"id": ' + b"9" * 6000 + b"}]}",
        b'{"data": [{"id": "\xff"}]}',
        b'{"data": {"id": "a"}}',
        b'{"data": [{"id": 7}]}',
        b'{"data": ["a"]}',
        b"null",
        b"7",
        b"",
    ],
)
async def test_an_answer_that_is_no_model_list_is_a_bad_response(body: bytes) -> None:
    async with http_server(answer(body)) as server:
        finding = await check(server.url)
    assert (finding.kind, finding.models) == (OutcomeKind.BAD_RESPONSE, None)
    assert finding.message == "not the API's format: it is not a list of models"


@pytest.mark.parametrize("body", [{"data": []}, {"object": "list", "data": []}, []])
async def test_a_new_server_without_a_model_is_ok(body: dict[str, Any] | list[Any]) -> None:
    async with http_server(answer(body)) as server:
        finding = await check(server.url)
    assert (finding.kind, finding.models) == (OutcomeKind.OK, ())


async def test_a_slow_body_ends_with_the_surrounding_scope() -> None:
    dripping = Answer(pieces=(b"[", *[b" "] * 1000), delay=0.05)
    async with http_server(dripping) as server:
        with trio.move_on_after(0.3) as scope:
            await check(server.url)
    assert scope.cancelled_caught


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"

PROTOCOL = {
    "closes": ((), OutcomeKind.CONNECT, "closed the connection without an answer", False),
    "is no HTTP": (
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n",),
        OutcomeKind.BAD_RESPONSE,
        "does not speak HTTP",
        False,
    ),
    "cuts its head": (
        (b"HTTP/1.1 200 OK\r\nCont",),
        OutcomeKind.CONNECT,
        "closed the connection",
        False,
    ),
    "cuts its body": ((HEAD, b"[1"), OutcomeKind.BAD_RESPONSE, "was cut short or garbled", True),
    "lies of length": (
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",),
        OutcomeKind.BAD_RESPONSE,
        "does not speak HTTP",
        False,
    ),
}


@pytest.mark.parametrize(("sent", "kind", "message", "reachable"), PROTOCOL.values(), ids=PROTOCOL)
async def test_a_misbehaving_server_is_classified(
    sent: Any, kind: Any, message: str, reachable: Any
) -> None:
    finding = await check_raw(says(*sent))
    assert finding.kind is kind
    assert message in finding.message
    assert finding.facts == Facts(reachable=reachable)


async def test_a_reset_is_a_broken_connection() -> None:
    async def reset(stream: Any) -> None:
        await stream.receive_some(65536)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    finding = await check_raw(reset)
    assert finding.kind is OutcomeKind.CONNECT
    assert finding.message.endswith("connection reset by peer")


async def test_a_closed_port_refuses() -> None:
    async with raw_server(says()) as url:
        pass
    finding = await check(url)
    assert finding.kind is OutcomeKind.CONNECT
    assert finding.message == f"no connection to {url.removeprefix('http://')}: connection refused"
    assert finding.facts == Facts(reachable=False)


async def test_a_request_lost_on_a_kept_connection_is_not_sent_again_and_no_failure() -> None:
    """Whether the server had read it before it closed, nobody can tell."""
    asked = 0

    async def serve(stream: Any) -> None:
        nonlocal asked
        asked += bool(await stream.receive_some(65536))
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        asked += bool(await stream.receive_some(65536))  # and closes without an answer

    async with raw_server(serve) as url, open_check(provider(url)) as ask:
        findings = [await ask() for _ in range(4)]
    kinds = [finding.kind for finding in findings]
    assert kinds == [OutcomeKind.OK, OutcomeKind.INTERNAL] * 2
    assert asked == sum(finding.requests for finding in findings) == 4


async def test_an_answer_cut_off_in_its_head_on_a_kept_connection_is_a_failure() -> None:
    async def serve(stream: Any) -> None:
        await stream.receive_some(65536)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        await stream.receive_some(65536)
        await stream.send_all(b"HTTP/1.1 2")

    async with raw_server(serve) as url, open_check(provider(url)) as ask:
        findings = [await ask() for _ in range(2)]
    assert [finding.kind for finding in findings] == [OutcomeKind.OK, OutcomeKind.CONNECT]
    assert findings[1].requests == 1


@pytest.mark.parametrize(
    "streamed",
    [
        b"Content-Length: 14\r\n\r\ndata: [DONE]\n\n",
        b"Transfer-Encoding: chunked\r\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\ne\r\ndata: [DONE]\n\n\r\n",
    ],
    ids=["with its length", "with its end", "without its end"],
)
async def test_after_an_abandoned_stream_the_next_request_uses_another_connection(
    streamed: bytes,
) -> None:
    """The end of it may be there already: then httpcore holds the connection for idle."""

    async def serve(stream: Any) -> None:
        while asked := await stream.receive_some(65536):
            body = b"Content-Length: 2\r\n\r\n[]" if asked.startswith(b"GET") else streamed
            await stream.send_all(b"HTTP/1.1 200 OK\r\n" + body)

    async with raw_server(serve) as url, open_transport(provider(url)) as transport:
        told = []
        for method in ("POST", "GET", "GET", "POST", "GET"):
            watch = None if method == "GET" else lambda _: Progress.OVER
            request = Request(url=f"{url}/v1", method=method, watch=watch)
            told.append((await fetch(transport, request, provider(url))).body[:4])
    assert told == [b"data", b"[]", b"[]", b"data", b"[]"]


async def test_a_kept_connection_that_is_closed_already_costs_nothing() -> None:
    closed = trio.Event()

    async def serve(stream: Any) -> None:
        await stream.receive_some(65536)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        await stream.aclose()
        closed.set()

    async with raw_server(serve) as url, open_check(provider(url)) as ask:
        first = await ask()
        await closed.wait()
        await trio.testing.wait_all_tasks_blocked()
        second = await ask()
    assert [first.kind, second.kind] == [OutcomeKind.OK] * 2
    assert (first.requests, second.requests) == (1, 1)


async def test_a_name_like_localhost_is_judged_by_its_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """http with a key is allowed to localhost; a resolver may send that anywhere."""
    told = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: told)
    for name in ("localhost", "api.localhost"):
        finding = await check(f"http://{name}:9")
        assert finding.kind is OutcomeKind.DNS
        assert "clear text" in finding.message


# TLS


async def test_a_certificate_of_another_host_is_not_trusted(authority: Any) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with http_server(answer(LIST), server_context(authority, "example.org")) as server:
        finding = await check(server.url, tls=trusting)
    assert finding.kind is OutcomeKind.TLS
    assert "not valid for '127.0.0.1'" in finding.message


async def test_plain_http_on_a_tls_port_is_a_tls_failure_and_never_sent_in_clear() -> None:
    async with http_server(answer(LIST)) as server:
        finding = await check(server.url.replace("http:", "https:"))
    assert finding.kind is OutcomeKind.TLS
    assert server.asked == []


async def test_a_port_that_closes_during_the_handshake_is_a_tls_failure() -> None:
    async with raw_server(says()) as url:
        finding = await check(url.replace("http:", "https:"))
    assert finding.kind is OutcomeKind.TLS


# Names and addresses


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: Any) -> Any:
    """Every name resolves to these; each look-up takes the next set, the last one stays."""
    sets = list(addresses)
    looked_up = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *more: Any, **named: Any) -> Any:
        if is_address(host):
            return real(host, port, *more, **named)
        looked_up.append(host)
        found = sets.pop(0) if len(sets) > 1 else sets[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return looked_up


async def test_an_unknown_name_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    finding = await check("https://api.example.test")
    assert finding.kind is OutcomeKind.DNS
    assert (
        finding.message == "the name api.example.test cannot be resolved: Name or service not known"
    )


async def test_a_request_has_the_name_as_its_host_header(monkeypatch: pytest.MonkeyPatch) -> None:
    async with http_server(answer(LIST)) as server:
        port = server.url.rpartition(":")[2]
        resolve_to(monkeypatch, ["127.0.0.1"])
        finding = await check(f"http://api.example.test:{port}")
    assert finding.kind is OutcomeKind.OK
    assert server.asked[0].headers["host"] == f"api.example.test:{port}"


@pytest.mark.parametrize(
    ("address", "allow_private", "message"),
    [
        ("10.0.0.7", False, "a private address; set allow_private = true if you want it checked"),
        ("169.254.169.254", True, "a link-local or reserved address, which is never contacted"),
    ],
)
async def test_what_a_name_resolves_to_is_checked(
    monkeypatch: pytest.MonkeyPatch, address: str, allow_private: bool, message: str
) -> None:
    resolve_to(monkeypatch, [address])
    finding = await check("http://api.example.test", allow_private=allow_private)
    assert (finding.kind, finding.message) == (
        OutcomeKind.DNS,
        f"api.example.test is {message}",
    )


async def test_a_name_that_later_resolves_to_a_forbidden_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with http_server(answer(LIST, connection="close")) as server:
        port = server.url.rpartition(":")[2]
        names = resolve_to(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
        async with open_check(provider(f"http://api.example.test:{port}")) as ask:
            kinds = [(await ask()).kind, (await ask()).kind]
    assert kinds == [OutcomeKind.OK, OutcomeKind.DNS]
    assert len(names) == 2  # one look-up a connection: what was checked is what was asked


async def test_a_name_that_changes_to_a_forbidden_address_is_noticed_on_a_kept_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transports, "OLDEST_SECONDS", 0.2)
    async with http_server(answer(LIST)) as server:
        port = server.url.rpartition(":")[2]
        resolve_to(monkeypatch, ["127.0.0.1"], ["0.0.0.0"])
        async with open_check(provider(f"http://api.example.test:{port}")) as ask:
            kinds = [(await ask()).kind]
            with trio.fail_after(5.0):
                while kinds[-1] is OutcomeKind.OK:
                    kinds.append((await ask()).kind)
    assert len(kinds) > 2  # it is kept for a while
    assert kinds[-1] is OutcomeKind.DNS
    assert server.connections == 1


async def test_hanging_look_ups_do_not_use_up_the_threads_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(30) and [])
    try:
        async with open_check(provider("http://api.example.test")) as ask:
            for _ in range(5):
                with trio.move_on_after(0.02):
                    await ask()
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    finally:
        released.set()


# Our own faults


async def test_no_file_descriptors_left_is_our_fault() -> None:
    async with http_server(answer(LIST)) as server, open_check(provider(server.url)) as ask:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as last:
            highest = last.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
        try:
            finding = await ask()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (await ask()).kind is OutcomeKind.OK
    assert finding.kind is OutcomeKind.INTERNAL
    assert finding.message == "this machine is at its limit: Too many open files"
    assert finding.facts == Facts()


@pytest.mark.parametrize("key", ["sk-ключ-0123456789", "sk-a\r\nX-Evil: 1", "sk-\x00-0123", " "])
async def test_a_key_no_header_can_hold_is_our_mistake_and_does_not_show(key: str) -> None:
    async with http_server(answer(LIST)) as server:
        finding = await check(server.url, keys=(Secret(key),))
    assert finding.kind is OutcomeKind.REQUEST
    assert key not in finding.message or not key.strip()
    assert server.asked == []


@pytest.mark.parametrize("host", ["a" * 70 + ".test", "exa mple", "[::1", "a..b", ".test"])
async def test_an_invalid_host_is_our_mistake(host: str) -> None:
    assert (await check(f"http://{host}")).kind in {OutcomeKind.REQUEST, OutcomeKind.DNS}


async def test_a_cancelled_check_leaks_no_connection() -> None:
    async def silent(stream: Any) -> None:
        await stream.receive_some(65536)
        await trio.sleep_forever()

    async with raw_server(silent) as url:
        here = provider(url)
        async with open_transport(here) as transport:
            for n in range(500):
                with trio.move_on_after(0 if n % 2 else 0.001):
                    await fetch(transport, Request(url=url), here)
            assert transport.connections == {}


async def test_after_many_cancelled_checks_the_next_one_works() -> None:
    slow = True

    def reply(_: Any) -> Any:
        return attrs.evolve(answer(LIST), delay=0.2 if slow else 0.0)

    async with http_server(reply) as server, open_check(provider(server.url)) as ask:
        for _ in range(30):
            with trio.move_on_after(0.002):
                await ask()
        slow = False
        assert (await ask()).kind is OutcomeKind.OK


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with http_server(answer(LIST)) as server:
        assert (await check(server.url)).kind is OutcomeKind.OK


async def test_no_library_logs_our_requests(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with http_server(answer(LIST)) as server:
        await check(server.url)
    assert [r for r in caplog.records if r.name.startswith(("httpx", "httpcore"))] == []


async def test_a_failure_never_repeats_what_the_library_says() -> None:
    with pytest.raises(FetchError) as caught:
        async with open_transport(provider("http://127.0.0.1:1")) as transport:
            request = Request(url="http://127.0.0.1:1", headers={"X-Key": f"{KEY}\n"})
            await fetch(transport, request, provider("http://127.0.0.1:1"))
    assert KEY not in f"{caught.value!r} {caught.value.message}"
