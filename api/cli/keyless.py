"""Endpoints that are asked for completions without a key, and how to leave them out."""

from collections.abc import Iterable

from tracker.core.settings import Provider

LEAVE_OUT = (
    "discover = false in tracker.toml leaves out all that the file does not name, "
    "enabled = false below [providers.NAME] one"
)


def keyless_completions(providers: Iterable[Provider]) -> list[str]:
    """Name G4F's public endpoints; one's own server (``moved``) is no stranger's."""
    return [
        one.name
        for one in providers
        if one.enabled and one.kind == "g4f" and one.check == "chat" and not (one.keys or one.moved)
    ]
