"""The checks of ``doctor`` for the hub of a cluster."""

from functools import partial
from pathlib import Path

import trio

from api.cli.diagnostics import Diagnostic
from tracker.core.extras import explain_missing
from tracker.core.redaction import Secret
from tracker.core.settings import Config
from tracker.store import StoreUnavailable
from tracker.store.errors import Damaged
from tracker.store.outgoing import load_identity
from tracker.store.reading import read


async def cluster(settings: Config) -> list[Diagnostic]:
    """Try the hub out; nothing where the configuration names none."""
    if settings.cluster is None:
        return []
    origin = await _origin(Path(settings.database))
    examine = partial(_examine, settings.cluster.url, settings.cluster.vantage, origin)
    return await trio.to_thread.run_sync(examine, abandon_on_cancel=True)


async def _origin(database: Path) -> str:
    """Return the name of the database file in the cluster; "" where it has none yet."""
    if not await trio.Path(database).exists():
        return ""
    try:
        identity = await read(database, load_identity, trio.CapacityLimiter(1))
    except (Damaged, StoreUnavailable):
        return ""  # the check of the database says why
    return identity.origin


def _examine(url: Secret, vantage: str, origin: str) -> list[Diagnostic]:
    try:
        from tracker.cluster.examine import examine  # noqa: PLC0415 (an extra of its own)
        from tracker.cluster.hub import SCHEMA  # noqa: PLC0415
    except ImportError as error:
        told = explain_missing(error, "server,postgres") or str(error)
        return [Diagnostic("cluster", "problem", told, "install the extra, or remove [cluster]")]
    return [
        Diagnostic("cluster", each.level, each.found, each.hint)
        for each in examine(url, SCHEMA, vantage, origin)
    ]
