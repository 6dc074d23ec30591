"""tracker.probes.http.certificate_authorities: a ca_file, read again as it changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.helpers.certificates import server_context
from tests.helpers.loopback import answer, http_server
from tracker.core.outcomes import OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.probes.http import certificate_authorities

LIST = {"object": "list", "data": [{"id": "gpt-oss-20b"}]}


def provider(url: Any, **more: Any) -> Provider:
    more.setdefault("keys", (Secret("sk-canary-0123456789abcdef"),))
    return Provider(name="here", base_url=f"{url}/v1", **more)


async def check(url: Any, **more: Any) -> Any:
    async with open_check(provider(url, **more)) as ask:
        return await ask()


async def test_a_ca_file_adds_to_the_authorities(authority: Any, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    async with http_server(answer(LIST), server_context(authority, "127.0.0.1")) as server:
        trusted = await check(server.url, ca_file=str(file))
        untrusted = await check(server.url)
    assert trusted.kind is OutcomeKind.OK
    assert untrusted.kind is OutcomeKind.TLS
    assert "is not trusted: " in untrusted.message


async def test_a_ca_file_that_is_renewed_in_place_is_read_again(
    authority: Any, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    async with http_server(answer(LIST), server_context(authority, "127.0.0.1")) as server:
        settings = provider(server.url, ca_file=str(file))
        async with open_check(settings) as ask:
            before = await ask()
            authority.cert_pem.write_to_path(file)
            after = await ask()
            file.unlink()
            without = await ask()
    assert [each.kind for each in (before, after, without)] == [
        OutcomeKind.TLS,
        OutcomeKind.OK,
        OutcomeKind.OK,
    ]


@pytest.mark.parametrize(("fresh_seconds", "readings"), [(60.0, 1), (0.0, 2)])
async def test_providers_that_connect_together_share_a_reading_of_their_ca_file(
    authority: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fresh_seconds: float,
    readings: int,
) -> None:
    file, read = tmp_path / "ca.pem", list[object]()
    authority.cert_pem.write_to_path(file)

    def note_reading(named: object, job: Callable[[], Any], **_: object) -> Any:
        read.append(named)
        return job()

    monkeypatch.setattr(certificate_authorities, "FRESH_SECONDS", fresh_seconds)
    monkeypatch.setattr(certificate_authorities, "read_patiently", note_reading)
    async with http_server(answer(LIST), server_context(authority, "127.0.0.1")) as server:
        for _ in range(2):
            assert (await check(server.url, ca_file=str(file))).kind is OutcomeKind.OK
    assert read == [str(file)] * readings


@pytest.mark.parametrize("content", [None, b"no certificate"])
async def test_an_unusable_ca_file_is_our_mistake(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    finding = await check("https://127.0.0.1:1", ca_file=str(file))
    assert finding.kind is OutcomeKind.REQUEST
    assert finding.message.startswith("ca_file cannot be read: ")
    assert finding.requests == 0
