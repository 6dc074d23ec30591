"""The checks of ``doctor`` for the hub of a cluster."""

from functools import partial

import trio

from api.cli.diagnostics import Diagnostic
from tracker.core.extras import explain_missing
from tracker.core.redaction import Secret
from tracker.core.settings import Config


async def cluster(settings: Config) -> list[Diagnostic]:
    """Try the hub out; nothing where the configuration names none."""
    if settings.cluster is None:
        return []
    examine = partial(_examine, settings.cluster.url, settings.cluster.vantage)
    return await trio.to_thread.run_sync(examine, abandon_on_cancel=True)


def _examine(url: Secret, vantage: str) -> list[Diagnostic]:
    try:
        from tracker.cluster.examine import examine  # noqa: PLC0415 (an extra of its own)
        from tracker.cluster.hub import SCHEMA  # noqa: PLC0415
    except ImportError as error:
        told = explain_missing(error, "server,postgres") or str(error)
        return [Diagnostic("cluster", "problem", told, "install the extra, or remove [cluster]")]
    return [
        Diagnostic("cluster", each.level, each.found, each.hint)
        for each in examine(url, SCHEMA, vantage)
    ]
