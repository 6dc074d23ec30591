"""Codes of one meaning, with where it is told."""

import attrs

from tracker.core.outcomes import OutcomeKind


@attrs.frozen
class CodeGroup:
    """Codes of one meaning. source: who documents or reports them. In lower case.

    A number that means something only in its place is written with it: ``errors[].5007`` stands
    for Cloudflare's list, ``base_resp.1008`` for MiniMax's.
    """

    kind: OutcomeKind
    source: str
    codes: tuple[str, ...]


def group(kind: OutcomeKind, source: str, codes: str) -> CodeGroup:
    """Make a group of the codes in a text, divided by blanks. source: where they are documented."""
    return CodeGroup(kind, source, tuple(codes.split()))
