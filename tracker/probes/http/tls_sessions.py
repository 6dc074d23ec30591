"""Reusing TLS sessions for later connections, so that a handshake costs half as much.

A resumed handshake shows no certificate. To notice one that expired or was replaced, a full
handshake is made from time to time.
"""

import ssl
from contextlib import suppress
from typing import Any

import attrs
import trio

WHOLE_HANDSHAKE_SECONDS = 3_600.0
TlsStream = trio.SSLStream[Any]


@attrs.define
class TlsSessions:
    """The last session with each host. A ticket is used once, as RFC 8446 (C.4) recommends."""

    _kept: dict[str, ssl.SSLSession] = attrs.field(factory=dict)
    # trio seconds of the last full handshake
    _verified: dict[str, float] = attrs.field(factory=dict)

    def offer(self, stream: TlsStream, host: str) -> None:
        """Let a new connection resume what is kept; the server may refuse and lose nothing."""
        session = self._kept.pop(host, None)
        age = trio.current_time() - self._verified.get(host, -float("inf"))
        if session is not None and age < WHOLE_HANDSHAKE_SECONDS:
            with suppress(ValueError):  # the session belongs to a context that was replaced
                stream.session = session

    def note_handshake(self, stream: TlsStream, host: str) -> None:
        """Note when a host's certificate was verified; a resumed session verifies none."""
        if not stream.session_reused:
            self._verified[host] = trio.current_time()

    def keep(self, stream: TlsStream, host: str) -> None:
        """Remember the session of a connection that ends: the server has sent its ticket by now."""
        session: ssl.SSLSession | None = stream.session
        if session is not None and session.has_ticket:
            self._kept[host] = session
