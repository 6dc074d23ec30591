"""Markdown out of values."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines) + "\n"


def cell(value: object) -> str:
    return str(value).replace("\n", " ").replace("|", "\\|")


def code(value: object) -> str:
    """As code, nothing for nothing."""
    return f"`{value}`" if value not in (None, "") else ""


def codes(values: Iterable[object]) -> str:
    return ", ".join(map(code, values))
