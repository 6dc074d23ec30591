"""The tracker as its users run it: a process, its API and its command line."""

import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx

from integration.programs import Program, ended, environment
from integration.report import LOOK_SECONDS, UnexpectedError, expect, insist, say
from integration.watched import ADMIN_TOKEN, SECRETS

COMMAND = Path(sysconfig.get_path("scripts")) / "provider-status"
COMMAND_SECONDS = 30.0


@attrs.frozen(kw_only=True)
class Seen:
    """One provider and the best one, ``seconds`` after observation began."""

    seconds: float
    status: str
    outcome: str
    failures: int
    best: str | None

    def __str__(self) -> str:
        fails = f", failure {self.failures}" if self.failures else ""
        return f"{self.status} ({self.outcome}{fails}); best: {self.best}"


@attrs.define(kw_only=True)
class Served:
    """``provider-status serve``, once it listens at ``url``."""

    folder: Path
    program: Program
    http: httpx.Client

    @property
    def url(self) -> str:
        return str(self.http.base_url)

    def ask(self, path: str, **query: Any) -> Any:
        return self.http.get(f"/api/providers/{path}", params=query).json()

    def ask_text(self, path: str) -> str:
        return self.http.get(f"/api/providers/{path}").text

    def check_now(self, name: str) -> Any:
        """Check a provider at once and return the outcome."""
        bearer = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        answer = self.http.post(f"/api/providers/{name}/check", headers=bearer)
        return answer.json()["outcomes"][name]

    def command(self, *words: str | Path, code: int = 0) -> str:
        """Run a command and return its stdout. Raises UnexpectedError for another exit code."""
        return command(self.folder, *words, "--url", self.url, code=code)

    def look(self, name: str, began: float) -> Seen:
        provider, best = self.ask(f"status/{name}"), self.ask("best")
        return Seen(
            seconds=time.monotonic() - began,
            status=provider["status"],
            outcome=provider["outcome"],
            failures=provider["consecutive_failures"],
            best=best["best_provider"],
        )

    def follow(self, name: str, until: Callable[[Seen], bool], seconds: float) -> list[Seen]:
        """Print each change as it is seen, until ``until`` accepts one; return it."""
        began = time.monotonic()
        seen = [self.look(name, began)]
        while not until(seen[-1]):
            now = self.look(name, began)
            if attrs.evolve(now, seconds=seen[-1].seconds) != seen[-1]:
                say(f"  {name} after {now.seconds:.1f} s: {now}")
                seen.append(now)
            if now.seconds > seconds:
                raise UnexpectedError(f"{name} is {now} after {seconds:g} s")
            time.sleep(LOOK_SECONDS)
        return seen


def command(
    folder: Path, *words: str | Path, code: int = 0, variables: Mapping[str, str] = {}
) -> str:
    """Run ``provider-status WORDS``; return its output. Raises UnexpectedError for another code."""
    done = subprocess.run(
        [COMMAND, *words],
        cwd=folder,
        env=environment(folder, SECRETS | variables),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    said = f" ({done.stderr.strip()})" if done.stderr.strip() else ""
    shown = " ".join(map(str, words))
    expect(done.returncode, code, f"the exit code of provider-status {shown}{said}")
    return str(done.stdout)


@contextmanager
def served(
    folder: Path, variables: Mapping[str, str] = {}, *, keep_alive: bool = True
) -> Iterator[Served]:
    """Run it; when this yields it has printed its URL, and nothing is checked yet.

    keep_alive: whether its connections are used again.
    """
    words: list[str | Path] = [COMMAND, "serve", "--port", "0", "--config", "tracker.toml"]
    program = Program(name="serve", command=words, folder=folder, variables=SECRETS | variables)
    began = time.monotonic()
    process = program.start(stdout=subprocess.PIPE)
    with ended(program):
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        insist(url.startswith("http://127.0.0.1:"), f"serve prints its URL, not {url!r}")
        say(f"provider-status serve listens at {url} after {time.monotonic() - began:.1f} s")
        limits = httpx.Limits(max_keepalive_connections=None if keep_alive else 0)
        with httpx.Client(base_url=url, trust_env=False, timeout=5.0, limits=limits) as http:
            yield Served(folder=folder, program=program, http=http)
