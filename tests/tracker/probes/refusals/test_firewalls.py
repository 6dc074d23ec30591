"""tracker.probes.refusals.firewalls: a page is a firewall's only if it says so."""

from typing import Any

import pytest

from tracker.probes.http.response import BoundedResponse
from tracker.probes.refusals.firewalls import is_firewall


def page(status: int, body: bytes, **headers: str) -> BoundedResponse:
    told = {"content-type": "text/html"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    return BoundedResponse(status=status, headers=tuple(told.items()), body=body)


@pytest.mark.parametrize(
    "reply",
    [
        page(503, b"<html><title>Just a moment...</title>"),
        page(503, b"<html>The requested URL was rejected. Please consult your administrator."),
        page(403, b"<html>Forbidden"),
        page(403, b"error code: 1010"),
        page(200, b"<html><title>Vercel Security Checkpoint</title>"),
        page(403, b"{}", x_vercel_mitigated="challenge"),
        page(202, b"", x_amzn_waf_action="challenge"),
    ],
)
def test_a_page_that_names_a_firewall_is_a_firewalls(reply: Any) -> None:
    assert is_firewall(reply)


@pytest.mark.parametrize(
    "reply",
    [
        page(503, b""),
        page(503, b"<html>We'll be back soon. Scheduled maintenance.", cf_ray="8f"),
        page(503, b"<html>Error 503 Backend fetch failed. Varnish cache server"),
        page(502, b"<html><title>Just a moment...</title> its origin failed"),
        page(403, b'{"error": {"message": "Just a moment..."}}'),
        page(404, b"<html>No such page"),
        page(200, b"<html>Welcome"),
        BoundedResponse(status=403, body=b"Forbidden"),
    ],
)
def test_a_page_that_names_no_firewall_is_not_a_firewalls(reply: Any) -> None:
    assert not is_firewall(reply)
