"""Refusing requests that two programs may read differently (request smuggling).

A proxy in front and h11 here may disagree on where such a request ends, so that its rest is taken
for another request that nobody has checked (RFC 9112, section 11.2).
"""

from collections.abc import Sequence

# These must not occur twice; h11 refuses only a second Host, Content-Length or Transfer-Encoding.
ONCE = (b"authorization", b"content-type", b"expect", b"origin")


def find_ambiguity(method: bytes, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return what may be read in two ways, None where nothing is. headers: names in lower case."""
    names = [name for name, _ in headers]
    if b"transfer-encoding" in names and b"content-length" in names:
        return "a request must not have both Content-Length and Transfer-Encoding"
    for name in ONCE:
        if names.count(name) > 1:
            return f"the header {name.decode().title()} is given more than once"
    if not method.isupper():
        return "the method must be in capital letters"
    return None
