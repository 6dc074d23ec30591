"""What is answered before the application is asked."""

from typing import Any

import msgspec

from api.serving.edge import CROWDED, RootPathMiddleware


async def ask(**scope: Any) -> tuple[list[Any], list[Any]]:
    """What the application got, and what was sent."""
    asked: list[Any] = []
    sent: list[Any] = []

    async def app(inner: Any, *_: Any) -> None:
        asked.append(inner)

    async def send(message: Any) -> None:
        sent.append(message)

    edge = RootPathMiddleware(app, "/llm")
    await edge({"type": "http", **scope}, None, send)
    return asked, sent


async def test_a_request_without_room_is_told_to_ask_again() -> None:
    asked, (start, body) = await ask(path="/docs", state={CROWDED: True})
    assert asked == []
    assert start["status"] == 503
    headers = {name.lower(): value for name, value in start["headers"]}
    assert headers[b"retry-after"] == b"5"
    assert headers[b"connection"] == b"close"
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert int(headers[b"content-length"]) == len(body["body"])
    assert msgspec.json.decode(body["body"])["status"] == 503


async def test_with_room_the_application_is_asked() -> None:
    asked, sent = await ask(path="/llm/docs", state={CROWDED: False})
    assert (asked[0]["root_path"], sent) == ("/llm", [])


async def test_a_whole_url_is_its_path() -> None:
    asked, _ = await ask(path="http://[x/docs")
    assert asked[0]["path"] == "/*"
    asked, _ = await ask(path="http://localhost/docs?x")
    assert asked[0]["path"] == "/docs"
