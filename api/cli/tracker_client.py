"""Requests to a running tracker, and the command line's errors for its refusals."""

import os
import re
import sys
from pathlib import Path
from typing import Any, TypeVar

import attrs
import httpx
import msgspec

from api.cli.errors import UnreachableError, UsageError
from api.schemas.problem import PROBLEM
from tracker.config import DOTENV, read_config
from tracker.config.environment import SHORTEST_TOKEN, find_token, read_environment
from tracker.config.file import find_file, read_toml
from tracker.config.structure import structure
from tracker.core.redaction import Secret
from tracker.core.settings import ServerSettings
from tracker.core.trust import trust_for

TIMEOUT_SECONDS = 10.0
BESIDE_SECONDS = 2.0  # for what is asked beside an answer that was shown already
URL_VARIABLE = "PROVIDER_STATUS_URL"
T = TypeVar("T")

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 (asked at, not bound to)
USERINFO = re.compile(r"(?<=//).*@|^[^/]*@")
REFUSED = frozenset({400, 401, 403, 404, 413, 415})


class _Problems(msgspec.Struct, frozen=True):
    """What is read of the tracker's health, of whatever version. problems: sentences."""

    problems: list[str]


@attrs.frozen
class TrackerClient:
    """A tracker at a URL. Every method raises UnreachableError when none answers, and UsageError
    for a request it refuses.
    """

    url: str
    token: Secret | None = None

    @classmethod
    def for_reading(
        cls, url: str | None, token_env: str | None, config: Path | None
    ) -> "TrackerClient":
        """Make a client for reading.

        token_env: the variable with the token. config: the file that says what is not given.
        """
        server = _server(config)
        variable = token_env or server.read_token_env
        token = None if variable is None else token_in(variable)
        return cls(_address(url, server), token)

    @classmethod
    def for_changes(
        cls, url: str | None, token_env: str | None, config: Path | None
    ) -> "TrackerClient":
        """Make a client with the admin token."""
        server = _server(config)
        token = token_in(token_env or server.admin_token_env)
        return cls(_address(url, server), token)

    def ask(self, path: str, **query: str | None) -> Any:
        """Return the JSON of an answer."""
        return self.decode_json(self.fetch(path, **query))

    def fetch(self, path: str, etag: str | None = None, **query: str | None) -> httpx.Response:
        """Return the answer: 200, 304 for a known ``etag``, or the 503 of /best."""
        given = {name: value for name, value in query.items() if value is not None}
        headers = {} if etag is None else {"If-None-Match": etag}
        response = self.send("GET", path, params=given, headers=headers)
        self._check(response, fine={200, 304, 503} if path.endswith("/best") else {200, 304})
        return response

    def warn_of_problems(self) -> None:
        """Print on stderr what the tracker says is wrong with itself, a line each.

        Nothing where that cannot be asked: it stands beside an answer that was shown.
        """
        try:
            response = self.send("GET", "/api/providers/health", timeout=BESIDE_SECONDS)
            problems = self.convert(self.decode_json(response), _Problems).problems
        except UnreachableError:
            return
        for problem in problems:
            print(f"problem: {problem}", file=sys.stderr)  # noqa: T201

    def change(self, path: str, wanted: dict[str, Any]) -> Any:
        """Send a PATCH and return what the tracker says; 202: in force, but not stored yet."""
        response = self.send("PATCH", path, json=wanted)
        self._check(response, fine={200, 202})
        if response.status_code == 202:
            print("not stored yet: the database has not answered", file=sys.stderr)  # noqa: T201
        return self.decode_json(response)

    def post(
        self, path: str, wanted: dict[str, Any] | None = None, *, seconds: float = TIMEOUT_SECONDS
    ) -> Any:
        """Send a POST, which may take so long, and return what the tracker says."""
        more = {} if wanted is None else {"json": wanted}
        response = self.send("POST", path, timeout=seconds, **more)
        self._check(response, fine={200})
        return self.decode_json(response)

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request and return its answer, whatever the status."""
        headers = more.pop("headers", {})
        timeout = more.pop("timeout", TIMEOUT_SECONDS)
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.reveal()}"
        try:
            return httpx.request(
                method,
                self.url.rstrip("/") + path,
                headers=headers,
                timeout=timeout,
                trust_env=False,
                verify=trust_for(self.url),
                **more,
            )
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise UnreachableError(
                f"no tracker answers at {self.place} ({error}); is `provider-status serve` running?"
            ) from None

    def decode_json(self, response: httpx.Response, shape: Any = Any) -> Any:
        """Return the JSON of an answer that has the shape."""
        try:
            document = without_control_characters(msgspec.json.decode(response.content))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise self.not_a_tracker() from None
        self.convert(document, shape)
        return document

    def convert(self, document: Any, shape: type[T], *, strict: bool = True) -> T:
        """Return the document as a value, if a tracker wrote it; strict: numbers are no strings."""
        try:
            return msgspec.convert(document, shape, strict=strict)
        except msgspec.ValidationError:
            raise self.not_a_tracker() from None

    @property
    def place(self) -> str:
        """Return the URL as it may be shown: without a user and password in it."""
        return USERINFO.sub("", self.url)

    def not_a_tracker(self, said: str = "") -> UnreachableError:
        """Return the error for an answer that is not a tracker's."""
        return UnreachableError(f"invalid response from the tracker at {self.place}{said}")

    def _check(self, response: httpx.Response, *, fine: set[int]) -> None:
        if response.status_code in fine:
            return
        ours = response.headers.get("Content-Type", "").startswith(PROBLEM)
        if not ours and response.status_code != 401:
            phrase = without_control_characters(response.reason_phrase)
            raise self.not_a_tracker(f" ({response.status_code} {phrase})")
        told = _detail(response)
        if response.status_code == 401:
            sent = "the token that was sent is wrong" if self.token else "no token was sent"
            raise UsageError(f"{told} ({sent}: name the variable with the token by --token-env)")
        if response.status_code in REFUSED:
            raise UsageError(told)
        raise UnreachableError(f"{self.place} answered {response.status_code}: {told}")


def without_control_characters(value: Any) -> Any:
    """Return the same JSON with a blank for each character that is not printable.

    Otherwise text from a provider or a foreign server could send control codes to the terminal.
    """
    if isinstance(value, str):
        return value if value.isprintable() else "".join(map(_visible, value))
    if isinstance(value, list):
        return [without_control_characters(item) for item in value]
    if isinstance(value, dict):
        clean = without_control_characters
        return {clean(name): clean(item) for name, item in value.items()}
    return value


def _visible(char: str) -> str:
    return char if char.isprintable() or char == "\n" else " "


def url_of(server: ServerSettings) -> str:
    """Return the URL at which a tracker with these settings is reached from its own machine."""
    named = f"[{server.host}]" if ":" in server.host else server.host
    return f"http://{EVERYWHERE.get(server.host, named)}:{server.port}"


def _address(url: str | None, server: ServerSettings) -> str:
    """Choose where to ask: --url, else PROVIDER_STATUS_URL, else what the file says."""
    return url or os.environ.get(URL_VARIABLE) or url_of(server)


def _server(config: Path | None) -> ServerSettings:
    """Read the server settings of the tracker that is asked. Raises ConfigError.

    config: None reads ./tracker.toml where it exists, as ``serve`` does. A read token that is not
    set would be a mistake of the server's operator; a client may send another.
    """
    config = find_file(config)
    if config is None:
        return ServerSettings()
    variables = read_environment(os.environ, DOTENV).variables
    table, _ = structure(read_toml(config))
    return read_config(
        config, {table.server.read_token_env or "": "-" * SHORTEST_TOKEN, **variables}
    ).server


def token_in(variable: str) -> Secret:
    """Read a token from the environment or .env; other users can see command lines.

    Raises UsageError.
    """
    found = find_token(variable, read_environment(os.environ, DOTENV).variables)
    if isinstance(found, Secret):
        return found
    problem = f"{variable} is not set: it must contain the tracker's token"
    raise UsageError(problem if found is None else str(found))


def _detail(response: httpx.Response) -> str:
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        return response.reason_phrase
    told = str(problem.get("detail", "")) if isinstance(problem, dict) else ""
    return str(without_control_characters(told))
