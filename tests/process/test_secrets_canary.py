"""No key leaves: unique keys, providers that echo them in every way, bugs that print them, and a
search of everything the process wrote, said and stored. Zero hits, in any encoding.
"""

import base64
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from tests.helpers.original_database import original
from tests.helpers.plain_http import PLAIN
from tests.helpers.waiting import GIVE_UP_SECONDS, block_until
from tracker.store import open_store

ROOT = Path(__file__).parents[2]
ADMIN = "adm/in+tok=en-5d1e8c40b7"
# Where a provider echoes the key, and with which status. Each has a key of its own.
ECHOES = {
    "raw": (500, "body"),
    "quoted": (429, "quoted"),
    "coded": (503, "base64"),
    "auth": (401, "body"),
    "page": (403, "page"),
    "listed": (200, "models"),
    "header": (429, "header"),
    "moved": (302, "location"),
    "reason": (400, "reason"),
    "broken": (200, "broken"),
    "quota": (402, "body"),
    "gone": (404, "body"),
}
KEYS = {name: f"sk-{name}/Zq+8=&{number:06}c4n4ry" for number, name in enumerate(ECHOES, 271_828)}
SECRETS = (*KEYS.values(), ADMIN)
PATHS = (
    *(f"/api/providers/{p}" for p in ("status", "best", "models", "health", "history", "changes")),
    "/api/providers/history?resolution=raw",
    "/api/providers/export/csv",
    "/livez",
    "/readyz",
    "/metrics",
    "/",
    "/plain",
    "/docs",
    "/openapi.json",
    *(f"/api/providers/status/{name}" for name in ECHOES),
    *(f"/badge/{name}.svg" for name in ECHOES),
)


def forms(secret: str) -> set[bytes]:
    """As it may be written; in base64 also as a part of something longer."""
    raw = secret.encode()
    found = {raw, quote(secret).encode(), quote(secret, safe="").encode()}
    found |= {quote_plus(secret).encode(), json.dumps(secret)[1:-1].encode()}
    for lead in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * lead + raw)
            found.add(whole[4 if lead else 0 : -4])
    return found


FORMS = {form: secret for secret in SECRETS for form in forms(secret)}


def hits(text: bytes) -> list[bytes]:
    return [form for form in FORMS if form in text]


def test_the_search_finds_a_key_in_every_form() -> None:
    key = KEYS["raw"]
    told = f"Bearer {key}".encode()
    for text in (told, quote(told).encode(), base64.b64encode(told), b"x" + base64.b64encode(told)):
        assert hits(text), text


class Echo(BaseHTTPRequestHandler):
    """Answers as the first word of the path says, with whatever key it was given."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.split("/")[1]
        status, way = ECHOES[name]
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        self.server.seen.add(key)  # type: ignore[attr-defined]
        told = f"key {key} {quote(key, safe='')} {base64.b64encode(key.encode()).decode()}"
        body = json.dumps({"error": {"message": told, "code": key, "type": key}})
        headers = {"x-request-id": key, "x-ratelimit-limit-" + "requests": key, "retry-after": key}
        if way == "models":
            body = json.dumps({"object": "list", "data": [{"id": told}, {"id": key}]})
        elif way == "page":
            body = f"<html><title>{told}</title></html>"
        elif way == "broken":
            body = f'{{"data": [{told}'
        elif way == "quoted":
            body = json.dumps({"error": {"message": quote(told)}})
        elif way == "base64":
            body = json.dumps({"error": base64.b64encode(told.encode()).decode()})
        elif way == "location":
            headers["location"] = f"http://127.0.0.1:9/?key={quote(key, safe='')}"
        raw = body.encode()
        self.send_response(status, told.replace("\n", " ") if way == "reason" else None)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class EchoServer(ThreadingHTTPServer):
    """Remembers the keys that it was shown."""

    seen: set[str]


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    server = EchoServer(("127.0.0.1", 0), Echo)
    server.seen = set()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(echo: EchoServer, tmp_path: Path) -> Path:
    """With a configuration, and the keys in a .env that everybody may read."""
    port = echo.server_address[1]
    tables = ['[tracker]\ndiscover = false\ndatabase = "canary.db"\nrecheck_seconds = [0.3, 0.3]\n']
    tables += ["interval_seconds = 2", "timeout_seconds = 2"]
    for name in ECHOES:
        tables.append(f'[providers.{name}]\nkind = "openai"')
        tables.append(f'base_url = "http://127.0.0.1:{port}/{name}/v1"')
        tables.append(f'api_key_env = "{name.upper()}_CANARY"')
    (tmp_path / "tracker.toml").write_text("\n".join(tables))
    lines = [f"{name.upper()}_CANARY='{key}'" for name, key in KEYS.items()]
    (tmp_path / ".env").write_text("\n".join([*lines, f"PROVIDER_STATUS_ADMIN_TOKEN='{ADMIN}'"]))
    (tmp_path / ".env").chmod(0o644)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    canaries = " ".join(word for k in SECRETS for word in (k, quote(k, safe="")))
    coded = " ".join(base64.b64encode(k.encode()).decode() for k in SECRETS)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "CANARIES": f"{canaries} {coded}",
    }


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``serve`` with a bug in every layer; its stderr goes to a file."""
    program = [sys.executable, "-m", "tests.helpers.leaky_serve"]
    command = [*program, "serve", "--port", "0"]
    with (folder / "stderr.txt").open("w") as stderr:
        process = subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, (folder / "stderr.txt").read_text()
        yield process, url
    finally:
        process.kill()
        process.communicate()


def everything_said(url: str) -> dict[str, bytes]:
    """Every answer, head and body, also to who may change things and to who may not."""
    said = {}
    with httpx.Client(base_url=url, timeout=GIVE_UP_SECONDS, verify=PLAIN) as client:
        for token in ({}, {"authorization": f"Bearer {ADMIN}"}):
            said[f"check {len(token)}"] = whole(client.post("/api/providers/check", headers=token))
            tuned = client.patch("/api/providers/raw", headers=token, json={"enabled": True})
            said[f"tune {len(token)}"] = whole(tuned)
        for path in PATHS:
            said[path] = whole(client.get(path))
        with client.stream("GET", "/api/providers/events") as stream:
            said["events"] = next(stream.iter_raw())
    return said


def whole(response: httpx.Response) -> bytes:
    return str(response.headers.raw).encode() + response.content


@pytest.mark.parametrize(("style", "level"), [("text", "debug"), ("json", "error")])
def test_no_key_leaves_the_process(echo: EchoServer, folder: Path, style: str, level: str) -> None:
    with served(folder, "--log-format", style, "--log-level", level) as (process, url):
        wait_until_checked(url)
        said = everything_said(url)
        stored = {path.name: path.read_bytes() for path in folder.glob("canary.db*")}
        modes = modes_of(folder.glob("canary.db*"))
        process.terminate()
        said["stdout"] = process.communicate(timeout=GIVE_UP_SECONDS)[0].encode()
    stored |= {f"{path.name} after": path.read_bytes() for path in folder.glob("canary.db*")}
    logged = (folder / "stderr.txt").read_bytes()
    assert set(KEYS.values()) <= echo.seen, "not every key was sent"
    for where in ("the actor", "the aggregator", "the endpoint", "classification"):
        assert f"OurBugError: {where}: ***".encode() in logged, f"{where} did not crash"
    assert b"crashed" in logged
    assert b"Traceback" in logged
    for where, text in {"stderr": logged, **stored, **said}.items():
        assert hits(text) == [], where
    assert b"***" in stored["canary.db after"]
    assert set(stored) >= {"canary.db", "canary.db-wal", "canary.db-shm"}
    assert set(modes.values()) == {0o600}, modes
    if level == "debug":
        assert b".env contains keys and other users can read it: chmod 600 .env" in logged


def modes_of(paths: Iterable[Path]) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}


async def test_files_beside_the_database_are_private_too(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    original(path, {"provider_name": "a"})
    path.chmod(0o644)
    async with open_store(str(path)):
        pass
    path.write_bytes(b"no database" * 1000)
    async with open_store(str(path)):
        modes = modes_of(tmp_path.iterdir())
    kept = {name.split("-")[0].removeprefix("kept.db") for name in modes}
    assert kept == {"", ".backup", ".corrupt"}
    assert set(modes.values()) == {0o600}, modes


def wait_until_checked(url: str) -> None:
    """Every provider, each of them more than once."""

    def checked_twice() -> bool:
        status = httpx.get(f"{url}/api/providers/status", verify=PLAIN).json()["providers"]
        return all(shown["checks_24h"] >= 2 for shown in status.values())

    block_until(checked_twice)


@pytest.mark.parametrize(
    "command",
    [
        ["config", "show"],
        ["config", "check"],
        ["providers", "--json"],
        ["providers"],
        ["probe", "--json", "--log-level", "debug"],
        ["probe"],
    ],
    ids=" ".join,
)
def test_no_command_prints_a_key(folder: Path, command: list[Any]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", *command],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert run.returncode in {0, 1}, run.stderr
    assert run.stdout
    assert hits(run.stdout) == []
    assert hits(run.stderr) == []
