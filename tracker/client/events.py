"""Server-sent events. Only their names matter: they say when to ask ``/best`` again.

Format: WHATWG HTML, section 9.2 (lines end in LF or CRLF here, which is what trackers send).
"""

from collections.abc import AsyncIterator

LINE_KEPT = 256  # bytes kept of a line: enough for an event's name; data is discarded


async def event_names(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield the name of each event as it ends; heartbeats, which are comments, are not events."""
    rest = b""
    name = ""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:LINE_KEPT]
        for line in lines:
            field, _, value = line.rstrip(b"\r").partition(b":")
            if field == b"event":
                name = value[:LINE_KEPT].decode("utf-8", "replace").strip()
            elif not line.strip() and name:
                yield name
                name = ""
