"""Mistral's two ways to name a release: by version ("small-3.2") and by month ("small-2506"). Pure.

Providers write either or both, and also the size, which is redundant where a series has only one.
The common name uses the month. A name that is not in the table stays as it is.
"""

import re

# A series and its version → the month of its release (docs.mistral.ai, models and changelog).
RELEASES = {
    ("mistral-small", "3"): "2501",
    ("mistral-small", "3.1"): "2503",
    ("mistral-small", "3.2"): "2506",
    ("mistral-small", "4"): "2603",
    ("mistral-medium", "3"): "2505",
    ("mistral-medium", "3.1"): "2508",
    ("mistral-medium", "3.5"): "2604",
    ("mistral-large", "3"): "2512",
    ("magistral-small", "1"): "2506",
    ("magistral-small", "1.1"): "2507",
    ("magistral-small", "1.2"): "2509",
    ("magistral-medium", "1"): "2506",
    ("magistral-medium", "1.1"): "2507",
    ("magistral-medium", "1.2"): "2509",
    ("devstral", "2"): "2512",
    ("devstral-small", "1"): "2505",
    ("devstral-small", "1.1"): "2507",
    ("devstral-small", "2"): "2512",
    ("devstral-medium", "1"): "2507",
    ("ministral", "3"): "2512",
}
OF_MANY_SIZES = frozenset({"ministral"})
_NAME = re.compile(
    r"((?:mi|magi|dev|mini)stral(?:-(?:small|medium|large))?)"
    r"(?:-(\d(?:\.\d)?))?(?:-(\d+b))?(?:-(2[4-9](?:0[1-9]|1[0-2])))?"
)


def name_release(name: str) -> str:
    """Name a release by its month; any other name stays as it is."""
    match = _NAME.fullmatch(name)
    if match is None:
        return name
    series, version, size, month = match.groups()
    known = RELEASES.get((series, (version or "").removesuffix(".0")))
    released = month or known
    if released is None or (version and known != released):
        return name
    return "-".join([series, *([size] if size and series in OF_MANY_SIZES else []), released])
