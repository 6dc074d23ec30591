"""Words that no text for people uses: error texts, log lines, help, pages, comments, docstrings.

A reader at three in the morning must understand a sentence at the first reading, also one whose
first language is not English. These words are archaic, or translations of another language's way
to say it; each came up in a review of texts that readers had to read twice.
"""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The word, and what to write instead.
UNPLAIN = {
    r"whom\b|whomever|whosoever": "name the person or thing",
    r"anew|afresh": "again",
    r"for ever\b": "forever",
    r"thereof|therein|thereby|hitherto|henceforth|whence": "say it directly",
    r"shall\b": "must, will or should",
    r"whilst|amongst": "while, among",
    r"heed(?:s|ed)?\b": "use, obey or ignore",
    r"beyond mending": "cannot continue",
    r"takes? care of it": "acknowledged",
    r"nobody is told": "no message is sent",
    r"expected cost": "expected time",
    r"tells? of\b|told of\b": "report, say, show",
    r"told so\b": "say what is reported, and to whom",
    r"whoever\b": "name the person or thing",
    r"in vain\b": "without success",
    r"befalls?\b": "happens to",
    r"by night\b": "nightly",
    r"not to be had|cannot be had": "unavailable",
}
PATTERN = re.compile("|".join(rf"\b(?:{each})" for each in UNPLAIN), re.IGNORECASE)
KINDS = {".py", ".js", ".md", ".html", ".jinja", ".yaml", ".service", ".toml"}
PLACES = (
    *("tracker", "api", "docs", "deploy", "examples", "tests", "property_tests", "integration"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
)
# Figures and notes of past measurements keep their words, and so do licences of others. The tests
# of wording name the words themselves.
LEFT_OUT = (
    "api/dashboard/vendor/",
    "docs/performance.md",
    "docs/reliability.md",
    "docs/real-servers.md",
    "tests/docs/test_docstrings.py",
    "tests/docs/test_wording.py",
    "tests/js/vendor/",
    "tests/data/",
)


def texts() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--", *PLACES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / name for name in listed if not name.startswith(LEFT_OUT)]


def test_no_text_uses_an_unplain_word() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts()
        if path.suffix in KINDS and path.is_file()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if PATTERN.search(line)
    ]
    assert found == []


def test_the_pattern_finds_these_words() -> None:
    for line in ("of whom nobody", "It is made ANEW", "they tell of it", "the expected cost"):
        assert PATTERN.search(line), line
    for line in ("a shallow copy", "forever", "he tells a story", "unheeded"):
        assert PATTERN.search(line) is None, line
