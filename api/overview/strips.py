"""The past as the strips of the dashboard's list draw it: few numbers a cell, by provider."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tracker.store import Bucket, History

# Seconds a cell stands for, by the hours that are shown: whole minutes, quarters and hours, so
# that a cell begins where a clock would and the store's roll-ups fit.
CELL_SECONDS = {1: 60, 24: 900, 168: 7_200}
LONG_CELL_SECONDS = {720: 86_400, 2_160: 86_400}  # with a cluster's hub: a day of UTC each
MOST_NAMES = 60  # asked for at once: more rows than fit on a tall screen


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
