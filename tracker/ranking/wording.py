"""Numbers as sentences show them: rounded exactly as the API's JSON rounds them."""

from datetime import UTC, datetime


def milliseconds(value: float) -> str:
    """Format ``93.2 ms``, ``1267 ms``: one decimal, no separators, so that the JSON has it too."""
    return f"{_short(value, 1)} ms"


def percent(fraction: float) -> str:
    """Format 0.0037 as ``0.37 %``: two decimals."""
    return f"{_short(100.0 * fraction, 2)} %"


def limit(length_ms: float) -> str:
    """Format a time-out as it is configured: ``10 s``, ``2.5 s``, ``500 ms``."""
    if length_ms < 1000.0:
        return milliseconds(length_ms)
    return f"{_short(length_ms / 1000.0, 4)} s"


def moment(at: datetime) -> str:
    """Format an instant as ISO 8601 in UTC to the second, for a reason."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _short(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".")
