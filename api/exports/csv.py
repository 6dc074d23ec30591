"""The CSV export: one row per provider, safe to open in a spreadsheet."""

import csv
import io
import math
from collections.abc import Iterable

from api.schemas.convert import instant
from tracker.core.provider_status import ProviderStatus
from tracker.core.snapshot import Snapshot

COLUMNS = (
    "provider_name",
    "status",
    "response_time_ms",
    "uptime_percent",
    "rate_limit_percent",
    "last_check_timestamp",
    "consecutive_failures",
)
# Spreadsheets run cells that start like this, also after white space and in full-width form.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def encode_csv(snapshot: Snapshot) -> bytes:
    """Encode as RFC 4180 in UTF-8: best uptime first, then latency, then name; unknown last."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(provider) for provider in sorted(snapshot.providers.values(), key=_order))
    return text.getvalue().encode("utf-8", "replace")


def escape_formula(text: str) -> str:
    """Return a text that spreadsheets show as text and do not run as a formula."""
    risky = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return f"'{text}" if risky else text


def _order(provider: ProviderStatus) -> tuple[float, float, str]:
    uptime, latency = provider.uptime.day, provider.response_time_ms
    return (
        math.inf if uptime is None else -uptime,
        math.inf if latency is None else latency,
        provider.name,
    )


def _row(provider: ProviderStatus) -> Iterable[str]:
    yield escape_formula(provider.name)
    yield provider.status.value
    yield number(provider.response_time_ms, 1)
    yield number(provider.uptime.day, 2)
    yield number(provider.rate_limit.percent, 2)
    yield "" if provider.last_check is None else instant(provider.last_check)
    yield str(provider.consecutive_failures)


def number(value: float | None, digits: int) -> str:
    """Format with this many decimals; an empty cell for None."""
    return "" if value is None else f"{value:.{digits}f}"
