"""Virtual environments for third-party programs: one per lock file, made once."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import attrs

from integration.report import say

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".integration"
VERSIONS = """
import json, sys
from importlib.metadata import version
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


class EnvironmentFailedError(Exception):
    """Raised if an environment could not be made; the text says what to do."""


@attrs.frozen(kw_only=True)
class Environment:
    """``asked_for``: the packages it is made for; the lock has what they need, by hash."""

    name: str
    asked_for: tuple[str, ...]

    @property
    def lock(self) -> Path:
        return ROOT / "requirements" / f"integration-{self.name}.lock"

    @property
    def folder(self) -> Path:
        return KEPT / self.name

    def script(self, name: str) -> Path:
        return scripts(self.folder) / name

    def prepare(self) -> None:
        """Make the environment, unless it exists and matches its lock. Raises
        EnvironmentFailedError."""
        began = time.monotonic()
        mark, wanted = self.folder / "made-from", self._fingerprint()
        made = mark.exists() and mark.read_text() == wanted
        if not made:
            say(f"environment {self.name}: installing {self.lock.relative_to(ROOT)} …")
            self._install()
            mark.write_text(wanted)
        versions = ", ".join(f"{name} {found}" for name, found in self.versions().items())
        how = "was there" if made else f"made in {time.monotonic() - began:.0f} s"
        say(f"environment {self.name}: {how}: {versions}")

    def versions(self) -> dict[str, str]:
        """Return the versions of the packages. Raises EnvironmentFailedError if one is missing."""
        command: list[str | Path] = [self.script("python"), "-c", VERSIONS, *self.asked_for]
        return dict(json.loads(self._run(command)))

    def _fingerprint(self) -> str:
        """Return a text that changes with the lock file and with the Python version."""
        lock = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        return f"{lock} {self._run([python(), '-VV'])}"

    def _install(self) -> None:
        pip: list[str | Path] = [self.script("python"), "-m", "pip", "--quiet"]
        # --no-deps: the lock is complete, and LiteLLM's own pin of rich would conflict with it.
        install = ["install", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        self._run([python(), "-m", "venv", "--clear", self.folder])
        self._run([*pip, *install, "-r", self.lock])

    def _run(self, command: list[str | Path]) -> str:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise self._failed(str(error)) from None
        if done.returncode == 0:
            return done.stdout
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise self._failed(next((e for e in lines if e.startswith("ERROR")), "".join(lines[-1:])))

    def _failed(self, why: str) -> EnvironmentFailedError:
        return EnvironmentFailedError(
            f"the environment {self.name!r} cannot be made from {self.lock.relative_to(ROOT)}: "
            f"{why} (its packages are installed once: is a package registry within reach?)"
        )


def python() -> Path:
    """Return the interpreter that makes environments: PYTHON, else that of this process."""
    return Path(os.environ.get("PYTHON") or sys.executable)


def scripts(folder: Path) -> Path:
    return Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)}))


LLAMACPP = Environment(name="llamacpp", asked_for=("xllamacpp",))
FAKELLM = Environment(name="fakellm", asked_for=("fakellm", "uvicorn"))
LITELLM = Environment(
    name="litellm", asked_for=("litellm", "fastapi", "uvicorn", "pytest", "pytest-trio", "trio")
)
