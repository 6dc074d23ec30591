"""Reading Google's errors: details, violated quotas, the delay asked for. Total."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tracker.probes.json_values import as_list, as_mapping

DETAILS = 32  # details or violations read at most; real errors have under ten

_PER = re.compile(r"Per(Day|Hour|Minute|Second)(?![a-z])")


def details(error: Mapping[str, Any], kind: str = "") -> Iterator[Mapping[str, Any]]:
    """Return its details, or those of one kind (``QuotaFailure``)."""
    for detail in map(as_mapping, as_list(error.get("details"))[:DETAILS]):
        named = detail.get("@type")
        if not kind or (isinstance(named, str) and named.endswith(f"google.rpc.{kind}")):
            yield detail


def violations(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what a QuotaFailure names, no more than ``DETAILS`` of each."""
    for failure in details(error, "QuotaFailure"):
        yield from map(as_mapping, as_list(failure.get("violations"))[:DETAILS])


def quota_id(violation: Mapping[str, Any]) -> str:
    """Return the violated quota's id, at most 200 characters, empty where it has none."""
    quota = violation.get("quotaId")
    return quota[:200] if isinstance(quota, str) else ""


def quota_window(violation: Mapping[str, Any]) -> str:
    """Return what the violated quota is for, by its id: day, hour, minute, second.

    Or an empty text.
    """
    per = _PER.search(quota_id(violation))
    return per[1].lower() if per else ""


def spends_nothing(violation: Mapping[str, Any]) -> bool:
    """Return whether the violated quota is 0: no allowance on this plan, whenever one asks."""
    return str(violation.get("quotaValue", ""))[:9] in ("0", "0.0")


def retry_delay(error: Mapping[str, Any]) -> object:
    """Return the first RetryInfo's delay as it was sent (``"12s"``), None without one."""
    delays = (info.get("retryDelay") for info in details(error, "RetryInfo"))
    return next((delay for delay in delays if delay is not None), None)
