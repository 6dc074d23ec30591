"""tracker.probes.http.proxied_connection: checks through a proxy."""

import base64
from typing import Any
from urllib.parse import quote

from tests.helpers.loopback import answer, http_server
from tracker.core.outcomes import Facts, OutcomeKind
from tracker.core.settings import Provider
from tracker.probes import open_check

LIST = {"object": "list", "data": [{"id": "gpt-oss-20b"}]}
PASSWORD = "correct/horse@battery"


async def check(url: str, **more: Any) -> Any:
    async with open_check(Provider(name="here", base_url=f"{url}/v1", **more)) as ask:
        return await ask()


async def test_a_proxy_is_asked_for_the_whole_url() -> None:
    async with http_server(answer(LIST)) as proxy:
        finding = await check("http://127.0.0.1:9", proxy=with_password(proxy.url))
    assert finding.kind is OutcomeKind.OK
    assert proxy.asked[0].target == "http://127.0.0.1:9/v1/models"
    sent = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    assert proxy.asked[0].headers["proxy-authorization"] == f"Basic {sent}"


async def test_a_message_never_shows_the_proxys_password() -> None:
    told = f"{PASSWORD} ({quote(PASSWORD, safe='')}) may not"
    refusal = answer({"error": {"message": told}}, status=500)
    async with http_server(refusal) as proxy:
        finding = await check("http://127.0.0.1:9", proxy=with_password(proxy.url))
    assert finding.kind is OutcomeKind.SERVER
    assert "may not" in finding.message
    assert "horse" not in finding.message


def with_password(url: Any) -> Any:
    """As a Config made by hand may have it; a configuration file's is refused."""
    return url.replace("//", f"//me:{quote(PASSWORD, safe='')}@")


async def test_a_proxy_does_not_lead_to_a_private_address() -> None:
    async with http_server(answer(LIST)) as proxy:
        finding = await check("http://10.0.0.7", proxy=proxy.url)
    assert finding.kind is OutcomeKind.DNS
    assert proxy.asked == []


async def test_a_proxy_that_refuses_a_tunnel_is_no_connection() -> None:
    async with http_server(answer(status=407)) as proxy:
        finding = await check("https://127.0.0.1:9", proxy=proxy.url)
    assert finding.kind is OutcomeKind.CONNECT
    assert finding.message == "the proxy did not connect to 127.0.0.1:9"
    assert finding.facts == Facts(reachable=False)


async def test_an_unsupported_kind_of_proxy_is_our_mistake() -> None:
    finding = await check("http://127.0.0.1:9", proxy="socks5://127.0.0.1:9")
    assert finding.kind is OutcomeKind.REQUEST
    assert finding.message == "proxy must be an http:// or https:// URL"
