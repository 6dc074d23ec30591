"""The headers of an answer, as text. Pure."""

from collections.abc import Sequence

Headers = tuple[tuple[str, str], ...]


def read_headers(pairs: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Return headers as text: UTF-8 where they are, else each byte a character."""
    try:
        return tuple([(name.decode().lower(), value.decode()) for name, value in pairs])
    except UnicodeDecodeError:
        both = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]
        return tuple((name.lower(), value) for name, value in both)
