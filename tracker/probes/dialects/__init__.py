"""One file a kind of API. A file's name is the kind's; it offers ``async def check``."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from tracker.core.outcomes import CheckResult
from tracker.core.redaction import Secret
from tracker.probes.session import Session

Dialect = Callable[[Session, Secret | None], Awaitable[CheckResult]]
"""One check with one key (None where the endpoint has none). May raise FetchError."""


@cache
def kinds() -> tuple[str, ...]:
    """Return every kind there is a dialect for."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def dialect_of(kind: str) -> Dialect:
    """Return the check of a kind. Raises LookupError when there is none."""
    if kind not in kinds():
        raise LookupError(f"no dialect for kind {kind!r}; there are {', '.join(kinds())}")
    check: Dialect = import_module(f"{__name__}.{kind}").check
    return check
