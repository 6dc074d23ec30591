"""One module for each kind of API, named after the kind; each has ``async def check``."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from tracker.core.outcomes import CheckResult
from tracker.core.redaction import Secret
from tracker.probes.session import Session

Dialect = Callable[[Session, Secret | None], Awaitable[CheckResult]]
"""One check with one key (None for an endpoint without keys). May raise FetchError."""


@cache
def kinds() -> tuple[str, ...]:
    """Return every kind there is a dialect for."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def dialect_of(kind: str) -> Dialect:
    """Return the check of a kind. Raises LookupError when there is none."""
    if kind not in kinds():
        raise LookupError(f"no dialect for kind {kind!r}; known kinds: {', '.join(kinds())}")
    check: Dialect = import_module(f"{__name__}.{kind}").check
    return check
