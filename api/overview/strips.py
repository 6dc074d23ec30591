"""History for the strips in the dashboard's list: a few numbers per cell, by provider."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tracker.store import Bucket, History

# Seconds per cell, by the hours shown: whole minutes, quarters and hours, so that cells start at
# round times and match the store's sums.
CELL_SECONDS = {1: 60, 24: 900, 168: 7_200}
LONG_CELL_SECONDS = {720: 86_400, 2_160: 86_400}  # with a cluster's hub: a UTC day each
MOST_NAMES = 60  # per request: more rows than fit on a tall screen


def encode_strips(
    history: History, hours: int, slow_ms: Mapping[str, float], away: str = ""
) -> bytes:
    """Return the cells of each provider: number, checks, failures, uptime, average and p95.

    slow_ms: from which latency on a provider counts as slow. away: why the hub is not in it.
    """
    size = (CELL_SECONDS | LONG_CELL_SECONDS)[hours]
    providers = {
        name: {
            "slow": slow_ms[name],
            "cells": [_cell(point, size) for point in points if isinstance(point, Bucket)],
        }
        for name, points in history.providers.items()
    }
    document = {"hours": hours, "seconds": size, "away": away, "providers": providers}
    return msgspec.json.encode(document)


def _cell(bucket: Bucket, size: int) -> tuple[Any, ...]:
    latency = bucket.latency
    return (
        int(bucket.at.timestamp()) // size,
        bucket.checks,
        bucket.failures,
        None if bucket.uptime_percent is None else round(bucket.uptime_percent, 2),
        None if latency is None else round(latency.avg, 1),
        None if latency is None else round(latency.p95, 1),
    )
