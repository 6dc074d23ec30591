"""Figures as they are printed, kept in docs/reliability-figures.json and shown in the document."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import attrs

from benchmarks.torture.served import ROOT

FIGURES = ROOT / "docs" / "reliability-figures.json"
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
Figures = dict[str, Any]


@attrs.frozen
class Outcome:
    """What a run showed. figures: by name, units in the name. wrong: what should not be, if so."""

    figures: Figures
    wrong: tuple[str, ...] = ()


def circumstances(seconds: float) -> Figures:
    """Where and how: no name of a machine."""
    return {
        "commit": _git("rev-parse", "--short", "HEAD")
        + ("+" if _git("status", "-s", "--", "tracker", "api", "benchmarks") else ""),
        "committed": _git("show", "-s", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%MZ"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "command": " ".join(["python -m benchmarks.torture", *sys.argv[1:]]),
        "ended": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "took_seconds": round(seconds),
    }


def keep(name: str, outcome: Outcome, seconds: float) -> None:
    """Print it, keep it in the file, and write the document's table again."""
    kept = {
        "passed": not outcome.wrong,
        "figures": outcome.figures,
        "wrong": list(outcome.wrong),
        **circumstances(seconds),
    }
    print(f"{name}: {'passed' if not outcome.wrong else 'FAILED'}")
    print(json.dumps(kept, indent=2), flush=True)
    found = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    found[name] = kept
    FIGURES.write_text(json.dumps(found, indent=2) + "\n")
    write_table(found)


def write_table(found: dict[str, Figures]) -> None:
    if not DOCUMENT.exists():
        return
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}")


def table(found: dict[str, Figures]) -> str:
    lines = [*versions(found)]
    for name, kept in sorted(found.items()):
        lines += [
            f"### {name}: {'passed' if kept['passed'] else 'FAILED'}",
            "",
            f"Commit {kept['commit']} of {_day(kept)}, {kept['machine']}, Python {kept['python']}, "
            f"ended {kept['ended']} after {kept['took_seconds']} s: `{kept['command']}`",
            "",
            *_rows(kept["figures"]),
            *(f"- wrong: {text}" for text in kept["wrong"]),
            "",
        ]
    return "\n".join(lines)


def versions(found: dict[str, Figures]) -> list[str]:
    """Say which sections are of which version, the newest first: each row is run by itself."""
    sections: dict[str, list[str]] = {}
    for name, kept in sorted(found.items(), key=lambda item: item[1]["ended"], reverse=True):
        sections.setdefault(kept["commit"], []).append(name)
    if len(sections) == 1:
        return [f"All sections are of one version, commit {next(iter(sections))}.", ""]
    head = f"The sections are of {len(sections)} versions, each run when it was last asked for:"
    body = [
        [commit, max(_day(found[name]) for name in names), ", ".join(sorted(names))]
        for commit, names in sections.items()
    ]
    return [head, "", *_table(["commit", "of", "sections"], body)]


def _day(kept: Figures) -> str:
    """The day of the commit; that of the run where it was not kept, which is not before it."""
    return str(kept.get("committed") or kept["ended"])[:10]


def _rows(figures: Figures) -> list[str]:
    """Single numbers as one table, and each table of tables with its own columns."""
    nested = {n: v for n, v in figures.items() if isinstance(v, dict)}
    plain = {n: v for n, v in figures.items() if n not in nested}
    rows = _table(["figure", "value"], [[_words(n), _cell(v)] for n, v in plain.items()])
    if nested:
        columns = list(dict.fromkeys(column for each in nested.values() for column in each))
        body = [[n, *(_cell(v.get(c, "")) for c in columns)] for n, v in nested.items()]
        rows += _table(["", *map(_words, columns)], body)
    return rows


def _table(head: list[str], body: list[list[str]]) -> list[str]:
    if not body:
        return []
    lines = [head, ["---"] * len(head), *body]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _git(*words: str) -> str:
    run = subprocess.run(
        ["git", *words],
        cwd=ROOT,
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.strip()
