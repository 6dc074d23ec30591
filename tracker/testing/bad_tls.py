"""Servers whose TLS is broken in one way each; ``valid`` is the control. Needs trustme.

The certificates are for 127.0.0.1; ``target.trust`` is the context a client should use.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tracker.testing.broken_servers import GOOD, Target, raw_server, replying, say_nothing
from tracker.testing.toggleable_listener import HOST
from tracker.testing.wire import Reply, Wire

if TYPE_CHECKING:
    import trustme

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def valid() -> AsyncIterator[Target]:
    """Serve with a valid certificate."""
    ca = _authority()
    async with _serving(ca, _server(ca.issue_cert(HOST))) as target:
        yield target


@asynccontextmanager
async def wrong_host() -> AsyncIterator[Target]:
    """Serve with a certificate for another host."""
    ca = _authority()
    async with _serving(ca, _server(ca.issue_cert("elsewhere.example"))) as target:
        yield target


@asynccontextmanager
async def expired() -> AsyncIterator[Target]:
    """Serve with a certificate that expired long ago."""
    ca = _authority()
    async with _serving(ca, _server(ca.issue_cert(HOST, not_after=LONG_AGO))) as target:
        yield target


@asynccontextmanager
async def unknown_authority() -> AsyncIterator[Target]:
    """Serve with a CA that ``trust`` does not know (as behind an inspecting firewall)."""
    async with _serving(_authority(), _server(_authority().issue_cert(HOST))) as target:
        yield target


@asynccontextmanager
async def self_signed() -> AsyncIterator[Target]:
    """Serve with a certificate that no trusted authority signed."""
    lone = _authority()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with lone.cert_pem.tempfile() as certificate, lone.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    async with _serving(_authority(), context) as target:
        yield target


@asynccontextmanager
async def silent() -> AsyncIterator[Target]:
    """Accept the connection and never answer the handshake."""
    async with raw_server(say_nothing, scheme="https", trust=_trust(_authority())) as target:
        yield target


@asynccontextmanager
async def plain_text() -> AsyncIterator[Target]:
    """Speak HTTP where TLS is expected."""
    reply = Reply(status=400, body=b"Client sent an HTTP request to an HTTPS server.")

    async def talk(wire: Wire) -> None:
        await wire.stream.receive_some()
        await wire.send(reply.encode())

    async with raw_server(talk, scheme="https", trust=_trust(_authority())) as target:
        yield target


def _serving(trusted: "trustme.CA", context: ssl.SSLContext) -> AbstractAsyncContextManager[Target]:
    return raw_server(replying(GOOD.encode()), scheme="https", tls=context, trust=_trust(trusted))


def _authority() -> "trustme.CA":
    import trustme  # noqa: PLC0415 (only who tests TLS needs it)

    return trustme.CA()


def _trust(ca: "trustme.CA") -> ssl.SSLContext:
    """Make a client's context that trusts this CA and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca.configure_trust(context)
    return context


def _server(certificate: "trustme.LeafCert") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context
