"""Which extras of this distribution are installed, and what to install when one is missing."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "provider-status-tracker"
OURS = frozenset({"tracker", "api"})


@cache  # reading and parsing the metadata takes milliseconds
def own_version() -> str:
    """Return the installed version, "0" where we run from a checkout."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0"


def explain_missing(error: BaseException, extra: str = "server") -> str | None:
    """Say which extra to install; None where the error is not of a missing foreign package."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, ModuleNotFoundError):
        found = found.__cause__
    name = (found.name or "") if isinstance(found, ModuleNotFoundError) else ""
    if not name or name.partition(".")[0] in OURS:
        return None
    return (
        f"the tracker is not installed, only its client (no package {name}): "
        f"pip install '{DISTRIBUTION}[{extra}]'"
    )
