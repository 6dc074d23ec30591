"""``status``, ``best``, ``history``, ``export``: questions to a running tracker."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import msgspec
from cyclopts import Parameter

from api import schemas
from api.cli.failures import Exit, UnreachableError, UsageError
from api.cli.options import DEFAULT_URL, AsJson, Url
from api.cli.tables import best_table, history_table, providers_table, show

TIMEOUT_SECONDS = 10.0
Name = Annotated[str | None, Parameter(help="One provider; every one if left out.")]
Hours = Annotated[float, Parameter(name="--hours", help="How far back, 1 to 168.")]
Output = Annotated[Path | None, Parameter(name="--output", help="File to write [default: stdout].")]
Names = Annotated[str | None, Parameter(help="Comma-separated providers.")]
Model = Annotated[str | None, Parameter(help="Only providers whose last model list has it.")]


def status(*, url: Url = DEFAULT_URL, json: AsJson = False) -> int:
    """What a running tracker knows of every provider."""
    document = ask(url, "/api/providers/status")
    listed = msgspec.convert(document["providers"], dict[str, schemas.Provider])
    show(document, providers_table(listed.values()), as_json=json)
    return Exit.OK


def best(
    *,
    url: Url = DEFAULT_URL,
    candidates: Names = None,
    exclude: Names = None,
    model: Model = None,
    json: AsJson = False,
) -> int:
    """Which provider to use next, and why. Exits 1 when none is usable."""
    asked = {"candidates": candidates, "exclude": exclude, "model": model}
    document = ask(url, "/api/providers/best", **asked)
    found = msgspec.convert(document, schemas.Best)
    show(document, best_table(found), as_json=json)
    return Exit.OK if found.best_provider is not None else Exit.NOTHING_USABLE


def history(
    name: Name = None, *, hours: Hours = 24, url: Url = DEFAULT_URL, json: AsJson = False
) -> int:
    """What was: single checks, or buckets of them where there are many."""
    path = "/api/providers/history" + ("" if name is None else f"/{quote(name, safe='')}")
    document = ask(url, path, hours=f"{hours:g}")
    show(document, history_table(document), as_json=json)
    return Exit.OK


def export(*, output: Output = None, url: Url = DEFAULT_URL) -> int:
    """The present status as CSV, safe to open in a spreadsheet."""
    text = fetch(url, "/api/providers/export/csv").text
    if output is None:
        sys.stdout.write(text)
        return Exit.OK
    try:
        output.write_text(text, newline="")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
    return Exit.OK


def ask(url: str, path: str, **query: str | None) -> Any:
    """The JSON of an answer. Raises UnreachableError, and UsageError for what it refuses."""
    response = fetch(url, path, **query)
    try:
        return msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        raise UnreachableError(f"{url} does not answer as a tracker does") from None


def fetch(url: str, path: str, **query: str | None) -> httpx.Response:
    """200, or the 503 of /best, which is an answer too."""
    given = {name: value for name, value in query.items() if value is not None}
    try:
        response = httpx.get(
            url.rstrip("/") + path, params=given, timeout=TIMEOUT_SECONDS, trust_env=False
        )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise UnreachableError(
            f"no tracker answers at {url} ({error}); is `provider-status serve` running?"
        ) from None
    if response.status_code in {400, 404}:
        raise UsageError(_detail(response))
    if response.status_code != 200 and not path.endswith("/best"):
        raise UnreachableError(f"{url} answered {response.status_code}: {_detail(response)}")
    return response


def _detail(response: httpx.Response) -> str:
    try:
        problem = response.json()
    except ValueError:
        return response.reason_phrase
    return str(problem.get("detail", "")) if isinstance(problem, dict) else ""
