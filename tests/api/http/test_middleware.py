"""Host names, the read token, and bugs of ours."""

import base64
import json
from typing import Any

import pytest

from api.app import create_app
from api.http.auth import AllowedHosts
from tests.helpers.idle_tracker import a_provider, a_tracker
from tracker.core.redaction import Secret
from tracker.core.settings import ServerSettings

STATUS = "/api/providers/status"


async def get(tracker: Any, path: Any = STATUS, **headers: Any) -> tuple[Any, ...]:
    response = await create_app(tracker).test_client().get(path, headers=headers)
    return response, json.loads(await response.get_data())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("LocalHost.:80", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8000", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("127.0.0.1.evil.example:8000", 400),
        ("", 400),
        ("localhost@evil.example", 400),
    ],
)
async def test_on_loopback_only_loopback_names_are_answered(host: str, status: int) -> None:
    response, body = await get(a_tracker(a_provider()), Host=host)
    assert response.status_code == status
    if status == 400:
        assert body["title"] == "Unknown host name"


@pytest.mark.parametrize("host", ["[::1", "[", "localhost:8000:1@x", "\xff", "a b", "//"])
def test_an_invalid_host_header_is_refused(host: str) -> None:
    assert not AllowedHosts.of(ServerSettings()).allow(host)


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({"allowed_hosts": ("status.example",)}, "status.example", 200),
        ({"allowed_hosts": ("status.example",)}, "STATUS.example:443", 200),
        ({"allowed_hosts": ("status.example",)}, "127.0.0.1:8000", 200),
        ({"allowed_hosts": ("status.example",)}, "other.example", 400),
        ({"allowed_hosts": ("*",)}, "other.example", 200),
        ({"host": "0.0.0.0"}, "10.1.2.3:8000", 200),
        ({"host": "0.0.0.0", "allowed_hosts": ("status.example",)}, "10.1.2.3:8000", 400),
        ({"host": "127.0.0.2"}, "127.0.0.2:8000", 200),
    ],
)
async def test_the_allowed_host_names_can_be_configured(
    settings: dict[str, Any], host: str, status: int
) -> None:
    response, _ = await get(a_tracker(a_provider(), **settings), Host=host)
    assert response.status_code == status


async def test_livez_and_readyz_answer_any_name_without_a_token() -> None:
    tracker = a_tracker(a_provider(), read_token=Secret("r"))
    for path in ("/livez", "/readyz"):
        response, body = await get(tracker, path, Host="10.1.2.3")
        assert (response.status_code, body["ok"]) == (200, True)


def basic(user: Any, password: Any) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer read", 200),
        ("bearer read", 200),
        ("Bearer admin", 200),
        ("Bearer other", 401),
        (basic("anybody", "read"), 200),
        (basic("", "read"), 200),
        (basic("anybody", "other"), 401),
        ("Basic ###", 401),
        ("Basic " + base64.b64encode(b"\xff\xfe").decode(), 401),
    ],
)
async def test_every_get_requires_the_read_token(authorization: Any, status: int) -> None:
    tracker = a_tracker(a_provider(), read_token=Secret("read"), admin_token=Secret("admin"))
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in (STATUS, "/openapi.json", "/api/providers/best", "/api/nothing"):
        response, _ = await get(tracker, path, **headers)
        assert response.status_code == (404 if path.endswith("ing") and status == 200 else status)
    if status == 401:
        assert len(response.headers.getlist("WWW-Authenticate")) == 2


async def test_the_read_token_allows_no_change() -> None:
    tracker = a_tracker(a_provider(), read_token=Secret("read"), admin_token=Secret("admin"))
    client = create_app(tracker).test_client()
    response = await client.post("/api/providers/check", headers={"Authorization": "Bearer read"})
    assert (response.status_code, tracker.asked) == (401, [])


async def test_a_bug_is_a_500_without_detail_and_a_log_without_secrets(
    capfd: pytest.CaptureFixture[str],
) -> None:
    tracker = a_tracker(a_provider(), admin_token=Secret("t0ken-admin"))
    tracker.fault = RuntimeError("key t0ken-admin is in this message")
    client = create_app(tracker).test_client()
    response = await client.post(
        "/api/providers/check", headers={"Authorization": "Bearer t0ken-admin"}
    )
    body = await response.get_json()
    assert (response.status_code, response.content_type) == (500, "application/problem+json")
    assert body["detail"] == "a bug in the tracker: its log has the details"
    logged = capfd.readouterr().err
    assert "RuntimeError: key *** is in this message" in logged
    assert "t0ken-admin" not in logged
    others = await client.get(STATUS)
    assert others.status_code == 200
