"""Endpoints that are checked with completions without a key, and how to exclude them."""

from collections.abc import Iterable

from tracker.core.settings import Provider

LEAVE_OUT = (
    "to exclude one, set enabled = false in [providers.NAME] of tracker.toml; to exclude all "
    "that the file does not name, set discover = false"
)


def keyless_completions(providers: Iterable[Provider]) -> list[str]:
    """Name G4F's public endpoints, without those moved to the user's own server."""
    return [
        one.name
        for one in providers
        if one.enabled and one.kind == "g4f" and one.check == "chat" and not (one.keys or one.moved)
    ]
