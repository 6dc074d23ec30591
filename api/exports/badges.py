"""Badges: a small SVG, and the JSON from which shields draws the same."""

from xml.sax.saxutils import escape

from api.schemas.badges import Badge
from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus
from tracker.core.rounding import whole_ms

SHOWN = ("status", "uptime", "latency")
GREEN, YELLOW, RED, GREY = "#2e7d32", "#8d6e00", "#b3261e", "#5f6368"  # white text: contrast > 4.5
COLOURS = {
    Status.HEALTHY: GREEN,
    Status.DEGRADED: YELLOW,
    Status.DOWN: RED,
    Status.UNKNOWN: GREY,
}
LABEL_LENGTH = 60
# Average width of Verdana at 11 px; the text is stretched to fit, so a wrong guess is not visible.
CHARACTER_WIDTH = 6.6
PADDING = 10

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{label}: {message}"><title>{label}: {message}</title>\
<clipPath id="r"><rect width="{width}" height="20" rx="3"/></clipPath>\
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#424549"/>\
<rect x="{left}" width="{right}" height="20" fill="{color}"/></g>\
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">\
<text x="{left_middle}" y="14" textLength="{left_text}">{label}</text>\
<text x="{right_middle}" y="14" textLength="{right_text}">{message}</text></g></svg>
"""


def badge_of(provider: ProviderStatus, show: str) -> Badge:
    """Return the badge of a provider. ``show``: one of SHOWN."""
    if show == "uptime":
        message, color = _uptime(provider.uptime.day)
    elif show == "latency":
        message, color = _latency(provider)
    else:
        message, color = provider.status.value, COLOURS[provider.status]
    return Badge(label=provider.name[:LABEL_LENGTH], message=message, color=color)


def draw(badge: Badge) -> str:
    """Draw a flat badge, 20 pixels high."""
    left_text, right_text = _width(badge.label), _width(badge.message)
    left, right = left_text + PADDING, right_text + PADDING
    return SVG.format(
        label=_text(badge.label),
        message=_text(badge.message),
        color=badge.color,
        width=left + right,
        left=left,
        right=right,
        left_text=left_text,
        right_text=right_text,
        left_middle=left / 2,
        right_middle=left + right / 2,
    )


def _uptime(percent: float | None) -> tuple[str, str]:
    if percent is None:
        return "unknown", GREY
    color = GREEN if percent >= 99.0 else YELLOW if percent >= 95.0 else RED
    return f"{percent:.2f} %", color


def _latency(provider: ProviderStatus) -> tuple[str, str]:
    if provider.response_time_ms is None:
        return "unknown", GREY
    return whole_ms(provider.response_time_ms), COLOURS[provider.status]


def _width(text: str) -> int:
    return round(len(text) * CHARACTER_WIDTH)


def _text(text: str) -> str:
    """Escape a text for XML, without control characters, which XML cannot hold."""
    return escape("".join(c if c.isprintable() else " " for c in text), {'"': "&quot;"})
