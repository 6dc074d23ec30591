"""Why there is no answer: every network failure below HTTP, in plain words."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit

import httpcore
import httpx

from tracker.core.outcomes import OutcomeKind
from tracker.probes.http.allowed_addresses import AddressRefusedError
from tracker.probes.http.network import HeadTooLongError

# Our own process or machine ran out of something: not the provider's fault.
OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
DEEPEST = 8  # nested causes followed: httpcore and trio make about four


class FetchError(Exception):
    """No usable answer. ``message``: our own words and host names; secrets are not masked yet.

    answered: an HTTP answer arrived, so the provider is reachable.
    """

    def __init__(self, kind: OutcomeKind, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.answered = answered


class Steps(Protocol):
    """How far an exchange got: to the TLS handshake, to the head of an answer."""

    handshaking: bool
    answered: bool


def to_fetch_error(error: Exception, url: str, steps: Steps) -> FetchError:
    """Describe a failure in our words. Never repeat httpcore's texts, which may hold headers."""
    host = host_of(url)
    causes = list(_causes(error))
    kind, message = (
        _address_failure(causes, host)
        or _tls_failure(causes, host, steps)
        or _socket_failure(causes, host, steps)
        or _protocol_failure(error, host, steps)
    )
    return FetchError(kind, message, answered=steps.answered)


def host_of(url: str) -> str:
    """Return the host and port of a URL, without whatever else it holds."""
    try:
        parts = urlsplit(url)
        return parts.netloc.rpartition("@")[2] or "an unnamed host"
    except ValueError:
        return "an invalid URL"


def _causes(error: BaseException | None, depth: int = 0) -> Iterator[BaseException]:
    """Yield the error, what it was raised from, and the members of groups."""
    if error is None or depth > DEEPEST:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member, depth + 1)
    yield from _causes(error.__cause__ or error.__context__, depth + 1)


def _address_failure(causes: list[BaseException], host: str) -> tuple[OutcomeKind, str] | None:
    for error in causes:
        if isinstance(error, AddressRefusedError):
            return OutcomeKind.DNS, str(error)
        if isinstance(error, socket.gaierror):
            return OutcomeKind.DNS, f"the name {host} cannot be resolved: {error.strerror}"
        if isinstance(error, UnicodeError | httpx.InvalidURL | httpx.UnsupportedProtocol):
            return OutcomeKind.REQUEST, "our request cannot be sent: check base_url and the key"
    return None


def _tls_failure(
    causes: list[BaseException], host: str, steps: Steps
) -> tuple[OutcomeKind, str] | None:
    for error in causes:
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                OutcomeKind.TLS,
                f"the certificate of {host} is not trusted: {error.verify_message}",
            )
        if isinstance(error, ssl.SSLError):
            reason = (error.reason or "protocol error").replace("_", " ").lower()
            return OutcomeKind.TLS, f"no TLS connection to {host}: {reason}"
    if steps.handshaking:
        return OutcomeKind.TLS, f"{host} closed the connection during the TLS handshake"
    return None


def _socket_failure(
    causes: list[BaseException], host: str, steps: Steps
) -> tuple[OutcomeKind, str] | None:
    codes = [e.errno for e in causes if isinstance(e, OSError) and e.errno is not None]
    if ours := OURS.intersection(codes):
        return (
            OutcomeKind.INTERNAL,
            f"this machine is at its limit: {os.strerror(min(ours))}",
        )
    if codes:
        return OutcomeKind.CONNECT, f"no connection to {host}: {os.strerror(codes[-1]).lower()}"
    if isinstance(causes[0], httpcore.ProxyError):
        return OutcomeKind.CONNECT, f"the proxy did not connect to {host}"
    if isinstance(causes[0], httpcore.NetworkError):
        return (
            OutcomeKind.CONNECT,
            f"the connection to {host} broke{' off' if steps.answered else ''}",
        )
    return None


def _protocol_failure(error: Exception, host: str, steps: Steps) -> tuple[OutcomeKind, str]:
    if isinstance(error, HeadTooLongError):
        return OutcomeKind.BAD_RESPONSE, f"{host} sent endless headers and no answer"
    if isinstance(error, httpcore.RemoteProtocolError):
        if steps.answered:
            return OutcomeKind.BAD_RESPONSE, f"the answer of {host} was cut short or garbled"
        if "disconnected" in str(error):
            return OutcomeKind.CONNECT, f"{host} closed the connection without an answer"
        return OutcomeKind.BAD_RESPONSE, f"{host} does not speak HTTP"
    if isinstance(error, httpcore.LocalProtocolError | ValueError):
        return OutcomeKind.REQUEST, "our request cannot be sent: check base_url and the key"
    raise error
