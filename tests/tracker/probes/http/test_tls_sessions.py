"""tracker.probes.http.tls_sessions: the second handshake with a host is the cheap one."""

import ssl
from typing import Any

import pytest
import trio
import trustme

from tests.helpers.loopback import answer, http_server
from tracker.core.outcomes import OutcomeKind
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.probes.http import tls_sessions

LIST = {"object": "list", "data": [{"id": "gpt-oss-20b"}]}


def authority() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and that of a client that trusts it."""
    ca = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    ca.configure_trust(client)
    return server, client


@pytest.fixture
def resumed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each handshake resumed a session."""
    told: list[bool] = []
    note = tls_sessions.TlsSessions.note_handshake

    def noting(self: Any, stream: Any, host: str) -> None:
        told.append(stream.session_reused)
        note(self, stream, host)

    monkeypatch.setattr(tls_sessions.TlsSessions, "note_handshake", noting)
    return told


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_new_connection_resumes_the_last_session(
    resumed: list[bool], version: ssl.TLSVersion
) -> None:
    server, client = authority()
    server.maximum_version = version
    closing = answer(LIST, connection="close")
    async with http_server(closing, server) as served:
        provider = Provider(name="here", base_url=f"{served.url}/v1")
        async with open_check(provider, tls=client) as check:
            kinds = [(await check()).kind for _ in range(4)]
    assert kinds == [OutcomeKind.OK] * 4
    assert resumed == [False, True, True, True]


async def test_a_whole_handshake_is_made_again_after_a_while(
    resumed: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_sessions, "WHOLE_HANDSHAKE_SECONDS", 0.0)
    server, client = authority()
    async with http_server(answer(LIST, connection="close"), server) as served:
        provider = Provider(name="here", base_url=f"{served.url}/v1")
        async with open_check(provider, tls=client) as check:
            for _ in range(3):
                await check()
    assert resumed == [False, False, False]


async def test_a_server_that_forgot_the_session_gets_a_full_handshake(
    resumed: list[bool],
) -> None:
    first, client = authority()
    closing = answer(LIST, connection="close")
    async with http_server(closing, first) as served:
        provider = Provider(name="here", base_url=f"{served.url}/v1")
        async with open_check(provider, tls=client) as check:
            await check()
            first.options |= ssl.OP_NO_TICKET
            first.num_tickets = 0
            await check()
            assert (await check()).kind is OutcomeKind.OK
            assert (await check()).kind is OutcomeKind.OK
    assert resumed[0] is False
    assert resumed[-1] is False


async def test_no_session_is_resumed_with_another_host() -> None:
    _, client = authority()
    sessions = tls_sessions.TlsSessions()
    ours, _ = trio.testing.memory_stream_pair()
    stream = trio.SSLStream(ours, client, server_hostname="127.0.0.1")
    sessions.offer(stream, "127.0.0.1")
    assert stream.session is None
