"""Checks of one provider of the catalogue on a real server, for the tests of dialects."""

from typing import Any

from tests.helpers.loopback import Answer, answer, http_server
from tracker.config.catalogue import load_catalogue
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import open_check

KEY = "canary-0123456789abcdef"
LIST = answer({"data": [{"id": "m"}]})


def provider(name: str, url: Any, **more: Any) -> Provider:
    entry = load_catalogue()[name]
    fields = {
        "name": name,
        "kind": entry.kind,
        "base_url": url,
        "moved": True,
        "keys": (Secret(KEY),),
        "check": entry.check,
        "list_public": entry.list_public,
        "options": entry.options,
    }
    return Provider(**(fields | more))


async def check(
    name: str, answers: Any, *, times: int = 1, clock: Any = None, **more: Any
) -> tuple[Any, ...]:
    """Return the last result of so many checks, and all requests."""
    async with http_server(answers) as server:
        named = {} if clock is None else {"clock": clock}
        async with open_check(provider(name, server.url, **more), **named) as ask:
            for _ in range(times):
                finding = await ask()
        return finding, server.asked


def routes(**answers: Answer) -> Any:
    """By the last word of the path."""
    return lambda asked: answers.get(asked.target.partition("?")[0].rpartition("/")[2], LIST)
