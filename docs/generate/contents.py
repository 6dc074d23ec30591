"""The pages that stand on their own, in the table of contents: whatever there is beside it."""

from pathlib import Path

DOCS = Path(__file__).parents[1]
PLACED = frozenset({"index", "ranking", "tutorial"})  # index.md itself says where


def part() -> str:
    pages = sorted(page.stem for page in DOCS.glob("*.md") if page.stem not in PLACED)
    head = ("```{toctree}", ":caption: Operation and evidence", ":hidden:", "")
    return "\n".join((*head, *pages, "```")) if pages else ""
