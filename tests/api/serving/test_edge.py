"""What is answered before the application is asked."""

from typing import Any

from api.serving.edge import RootPathMiddleware


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


async def test_other_requests_reach_the_application() -> None:
    asked, sent = await ask(path="/llm/docs")
    assert (asked[0]["root_path"], sent) == ("/llm", [])


async def test_a_request_with_a_whole_url_is_handled_by_its_path() -> None:
    asked, _ = await ask(path="http://[x/docs", headers=[])
    assert asked[0]["path"] == "/*"
    host = [(b"host", b"localhost"), (b"accept", b"x")]
    asked, _ = await ask(path="http://evil.example:80/docs?x", headers=host)
    assert asked[0]["path"] == "/docs"
    assert asked[0]["headers"] == [(b"host", b"evil.example:80"), (b"accept", b"x")]
