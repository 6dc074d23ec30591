"""Unpacking bodies that were compressed although we did not ask for it, within limits. Pure."""

import zlib

SUPPORTED = frozenset({"gzip", "x-gzip", "deflate"})
LARGEST = 1024 * 1024  # bytes unpacked: 200 kB of a hostile answer can expand to 400 MB
RATIO = 100  # JSON shrinks to a tenth or so; what shrinks to a hundredth is made to hurt
SMALL = 64 * 1024  # below it the ratio says nothing
EITHER_HEADER = 47  # zlib's word for: gzip or zlib, whichever it is


class UnpackError(ValueError):
    """A body that cannot be unpacked, or not within the bounds. Says which."""


def unpack(body: bytes) -> bytes:
    """Unpack a gzip or deflate body. Raises UnpackError."""
    most = min(LARGEST, max(SMALL, RATIO * len(body)))
    for format_ in (EITHER_HEADER, -zlib.MAX_WBITS):  # some servers send deflate without a header
        unpacker = zlib.decompressobj(format_)
        try:
            unpacked = unpacker.decompress(body, most + 1)
        except zlib.error:
            continue
        if len(unpacked) > most:
            raise UnpackError(f"the compressed answer is too large: over {most // 1024} KiB")
        return unpacked
    raise UnpackError("the compressed answer cannot be unpacked")
