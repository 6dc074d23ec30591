"""An address without TLS needs no trusted authorities; every other has those of the machine."""

import ssl
from typing import Any, NoReturn

import httpx
import pytest

from tests.helpers.command_line import Commands, answering, command
from tracker.client.connection import TrackerEndpoint
from tracker.core.trust import trust_for

__all__ = ["command"]


@pytest.fixture
def _no_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("the authorities were read")

    monkeypatch.setattr(ssl, "create_default_context", refuse)


@pytest.mark.parametrize(
    "url", ["https://a.example", "HTTPS://a.example", "a.example", "httpx://a"]
)
def test_whatever_may_use_tls_trusts_the_authorities(url: str) -> None:
    assert trust_for(url) is True


def test_a_plain_address_trusts_nobody() -> None:
    context = trust_for("HTTP://127.0.0.1:8000")
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.get_ca_certs() == []


@pytest.mark.usefixtures("_no_authorities")
async def test_a_client_of_a_plain_address_reads_no_authorities() -> None:
    opened = TrackerEndpoint(url="http://127.0.0.1:8000", timeout=1.0).open()
    assert isinstance(opened, httpx.AsyncHTTPTransport)
    with pytest.raises(AssertionError, match="were read"):
        TrackerEndpoint(url="https://127.0.0.1:8000", timeout=1.0).open()


@pytest.mark.usefixtures("_no_authorities")
def test_a_command_asks_a_plain_address_without_authorities(command: Commands) -> None:
    with answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as url:
        ran = command("best", "--url", url)
    assert "the authorities were read" not in ran.err
    assert (ran.code, ran.out) == (1, "")
