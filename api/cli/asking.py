"""``status``, ``best``, ``history``, ``export``: questions to a running tracker."""

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec
from cyclopts import Parameter

from api import schemas
from api.cli.failures import Exit, UsageError
from api.cli.options import DEFAULT_URL, AsJson, ReadToken, Url
from api.cli.remote import Remote, token_in
from api.cli.tables import best_table, history_table, providers_table, show
from api.cli.watching import follow

Name = Annotated[str | None, Parameter(help="One provider; every one if left out.")]
Hours = Annotated[float, Parameter(name="--hours", help="How far back, 1 to 168.")]
Output = Annotated[Path | None, Parameter(name="--output", help="File to write [default: stdout].")]
Names = Annotated[str | None, Parameter(help="Comma-separated providers.")]
Model = Annotated[str | None, Parameter(help="Only providers whose last model list has it.")]
Watch = Annotated[
    bool, Parameter(name="--watch", negative=(), help="Stay and show every change until Ctrl-C.")
]


def status(
    *,
    watch: Watch = False,
    url: Url = DEFAULT_URL,
    token_env: ReadToken = None,
    json: AsJson = False,
) -> int:
    """What a running tracker knows of every provider.

    With --watch and --json: one document a line, at each change.
    """
    tracker = remote(url, token_env)
    if watch:
        follow(tracker, as_json=json)
        return Exit.OK
    document = tracker.ask("/api/providers/status")
    listed = msgspec.convert(document["providers"], dict[str, schemas.Provider])
    show(document, providers_table(listed.values()), as_json=json)
    return Exit.OK


def best(
    *,
    url: Url = DEFAULT_URL,
    candidates: Names = None,
    exclude: Names = None,
    model: Model = None,
    token_env: ReadToken = None,
    json: AsJson = False,
) -> int:
    """Which provider to use next, and why. Exits 1 when none is usable."""
    asked = {"candidates": candidates, "exclude": exclude, "model": model}
    document = remote(url, token_env).ask("/api/providers/best", **asked)
    found = msgspec.convert(document, schemas.Best)
    show(document, best_table(found), as_json=json)
    return Exit.OK if found.best_provider is not None else Exit.NOTHING_USABLE


def history(
    name: Name = None,
    *,
    hours: Hours = 24,
    url: Url = DEFAULT_URL,
    token_env: ReadToken = None,
    json: AsJson = False,
) -> int:
    """What was: single checks, or buckets of them where there are many."""
    path = "/api/providers/history" + ("" if name is None else f"/{quote(name, safe='')}")
    document = remote(url, token_env).ask(path, hours=f"{hours:g}")
    show(document, history_table(document), as_json=json)
    return Exit.OK


def export(*, output: Output = None, url: Url = DEFAULT_URL, token_env: ReadToken = None) -> int:
    """The present status as CSV, safe to open in a spreadsheet."""
    text = remote(url, token_env).fetch("/api/providers/export/csv").text
    if output is None:
        sys.stdout.write(text)
        return Exit.OK
    try:
        output.write_text(text, newline="")
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
    return Exit.OK


def remote(url: str, token_env: str | None) -> Remote:
    return Remote(url, None if token_env is None else token_in(token_env))
