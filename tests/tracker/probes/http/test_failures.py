"""Why there is no answer: each failure has its kind and says so without repeating our request."""

import errno
import socket
import ssl
from collections.abc import Sequence

import attrs
import httpcore
import httpx
import pytest

from tracker.core.outcomes import OutcomeKind
from tracker.probes.http.allowed_addresses import AddressRefusedError
from tracker.probes.http.failures import FetchError, host_of, to_fetch_error

URL = "https://user:secret@api.example:8443/v1/models?key=secret"
HOST = "api.example:8443"


@attrs.frozen
class Exchange:
    handshaking: bool = False
    answered: bool = False


def explain(
    error: Exception, *, cause: BaseException | None = None, steps: Exchange | None = None
) -> FetchError:
    """The failure as a check meets it: what the network raised below what httpcore raised."""
    error.__cause__ = cause
    return to_fetch_error(error, URL, steps or Exchange())


def os_error(code: int) -> OSError:
    return OSError(code, "text of the system")


def certificate_error(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_message = message
    return error


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "text of OpenSSL")
    error.reason = reason
    return error


FAILURES: Sequence[tuple[Exception, BaseException | None, OutcomeKind, str]] = [
    (
        httpcore.ConnectError(),
        AddressRefusedError("10.0.0.1 is a private address"),
        OutcomeKind.DNS,
        "10.0.0.1 is a private address",
    ),
    (
        httpcore.ConnectError(),
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        OutcomeKind.DNS,
        f"the name {HOST} cannot be resolved: Name or service not known",
    ),
    (
        httpx.InvalidURL("no port"),
        None,
        OutcomeKind.REQUEST,
        "our request cannot be sent: check base_url and the key",
    ),
    (
        httpcore.ConnectError(),
        certificate_error("certificate has expired"),
        OutcomeKind.TLS,
        f"the certificate of {HOST} is not trusted: certificate has expired",
    ),
    (
        httpcore.ConnectError(),
        tls_error("WRONG_VERSION_NUMBER"),
        OutcomeKind.TLS,
        f"no TLS connection to {HOST}: wrong version number",
    ),
    (
        httpcore.ConnectError(),
        os_error(errno.ECONNREFUSED),
        OutcomeKind.CONNECT,
        f"no connection to {HOST}: connection refused",
    ),
    (
        httpcore.ConnectError(),
        os_error(errno.EMFILE),
        OutcomeKind.INTERNAL,
        "this machine is at its limit: Too many open files",
    ),
    (
        httpcore.ProxyError("407 secret"),
        None,
        OutcomeKind.CONNECT,
        f"the proxy did not connect to {HOST}",
    ),
    (
        httpcore.ReadError("secret"),
        None,
        OutcomeKind.CONNECT,
        f"the connection to {HOST} broke",
    ),
    (
        httpcore.RemoteProtocolError("Server disconnected without sending a response."),
        None,
        OutcomeKind.CONNECT,
        f"{HOST} closed the connection without an answer",
    ),
    (
        httpcore.RemoteProtocolError("illegal status line: secret"),
        None,
        OutcomeKind.BAD_RESPONSE,
        f"{HOST} does not speak HTTP",
    ),
    (
        httpcore.LocalProtocolError("Illegal header value b'Bearer secret'"),
        None,
        OutcomeKind.REQUEST,
        "our request cannot be sent: check base_url and the key",
    ),
]


@pytest.mark.parametrize(("error", "cause", "kind", "message"), FAILURES)
def test_a_failure_says_what_happened_and_no_secret(
    error: Exception, cause: BaseException | None, kind: OutcomeKind, message: str
) -> None:
    found = explain(error, cause=cause)
    assert (found.kind, found.message, found.answered) == (kind, message, False)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (httpcore.ReadError(), OutcomeKind.CONNECT, f"the connection to {HOST} broke off"),
        (
            httpcore.RemoteProtocolError("peer closed connection"),
            OutcomeKind.BAD_RESPONSE,
            f"the answer of {HOST} was cut short or garbled",
        ),
    ],
)
def test_a_failure_after_the_head_of_an_answer_leaves_the_provider_reached(
    error: Exception, kind: OutcomeKind, message: str
) -> None:
    found = explain(error, steps=Exchange(answered=True))
    assert (found.kind, found.message, found.answered) == (kind, message, True)


def test_a_connection_lost_in_the_handshake_is_a_failure_of_tls() -> None:
    lost = explain(
        httpcore.ReadError(), cause=os_error(errno.ECONNRESET), steps=Exchange(handshaking=True)
    )
    assert (lost.kind, lost.message) == (
        OutcomeKind.TLS,
        f"{HOST} closed the connection during the TLS handshake",
    )


def test_the_cause_is_found_inside_a_group() -> None:
    group = ExceptionGroup("two addresses", [os_error(errno.EHOSTUNREACH), ValueError()])
    found = explain(httpcore.ConnectError(), cause=group)
    assert (found.kind, found.message) == (
        OutcomeKind.CONNECT,
        f"no connection to {HOST}: no route to host",
    )


def test_a_cycle_of_causes_ends() -> None:
    error = httpcore.ReadError()
    error.__cause__ = error
    assert explain(error, cause=error).kind is OutcomeKind.CONNECT


def test_a_bug_of_ours_is_raised_and_not_counted_against_the_provider() -> None:
    with pytest.raises(ZeroDivisionError):
        explain(ZeroDivisionError())


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (URL, HOST),
        ("http://127.0.0.1:9/v1", "127.0.0.1:9"),
        ("/v1/models", "an unnamed host"),
        ("http://[broken", "an invalid URL"),
    ],
)
def test_a_host_is_named_without_the_credentials_in_its_url(url: str, host: str) -> None:
    assert host_of(url) == host
