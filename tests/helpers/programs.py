"""Programs that some tests run and a fresh machine may lack, and what to install for them."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

# By the name in ``needs_program``: the commands of which one is enough, and Debian's package.
PROGRAMS = {
    "Chromium": (("chromium", "chromium-browser"), "chromium"),
    "chromedriver": (("chromedriver",), "chromium-driver"),
    "promtool": (("promtool",), "prometheus"),
    "systemd-analyze": (("systemd-analyze",), "systemd"),
    "make": (("make",), "make"),
    "curl": (("curl",), "curl"),
    "PostgreSQL": (("initdb",), "postgresql"),
    "nginx": (("nginx",), "nginx-light"),
    "bash": (("bash",), "bash"),
    "strace": (("strace",), "strace"),
    "zsh": (("zsh",), "zsh"),
    "fish": (("fish",), "fish"),
}
# Debian keeps these away from the PATH.
FOLDERS = {"PostgreSQL": "usr/lib/postgresql/*/bin", "nginx": "usr/sbin"}
REQUIRED = "REQUIRE_PROGRAMS"  # set in the environment: a missing program fails its tests
PROPERTY = "missing_program"


def find_program(name: str) -> str | None:
    """Its path; None where it is not installed."""
    commands, _ = PROGRAMS[name]
    folders = sorted(map(str, Path("/").glob(FOLDERS.get(name, "nowhere"))), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *folders])
    return next(
        (found for command in commands if (found := shutil.which(command, path=path))), None
    )


def skip_without_programs(item: pytest.Item) -> None:
    """Skip a test, or fail it where REQUIRE_PROGRAMS is set, when a program of it is missing."""
    needed = [name for mark in item.iter_markers("needs_program") for name in mark.args]
    missing = [name for name in needed if find_program(name) is None]
    if not missing:
        return
    item.user_properties += [(PROPERTY, name) for name in missing]  # these cross processes
    reason = f"{' and '.join(missing)}: not installed"
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}, and {REQUIRED} is set", pytrace=False)
    pytest.skip(reason)


def missing_lines(reports: Iterable[pytest.TestReport]) -> list[str]:
    """One line for each program that a test lacked, with the package to install."""
    counts: dict[str, int] = {}
    for report in reports:
        # A module that failed to be collected has no properties.
        for key, value in getattr(report, "user_properties", ()):
            if key == PROPERTY and report.when == "setup":
                counts[str(value)] = counts.get(str(value), 0) + 1
    return [
        f"{name} is not installed; tests that need it: {count} (Debian: apt-get install {package})"
        for name, count in sorted(counts.items())
        for package in [PROGRAMS[name][1]]
    ]


def other_skips(reports: Iterable[pytest.TestReport]) -> list[str]:
    """One line for each other reason that tests were skipped for."""
    counts: dict[str, int] = {}
    for report in reports:
        if report.skipped and not any(key == PROPERTY for key, _ in report.user_properties):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            text = str(reason).removeprefix("Skipped: ")
            counts[text] = counts.get(text, 0) + 1
    return [f"skipped: {reason} ({count} tests)" for reason, count in sorted(counts.items())]
