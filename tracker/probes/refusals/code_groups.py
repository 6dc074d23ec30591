"""A group of codes with the same meaning, and the source for it."""

import attrs

from tracker.core.outcomes import OutcomeKind


@attrs.frozen
class CodeGroup:
    """Codes with the same meaning, in lower case. source: who documents or reports them.

    A number that has its meaning only in one field is written with the field: ``errors[].5007`` for
    Cloudflare's list, ``base_resp.1008`` for MiniMax's.
    """

    kind: OutcomeKind
    source: str
    codes: tuple[str, ...]


def group(kind: OutcomeKind, source: str, codes: str) -> CodeGroup:
    """Make a group of the codes in a text, divided by blanks. source: where they are documented."""
    return CodeGroup(kind, source, tuple(codes.split()))
