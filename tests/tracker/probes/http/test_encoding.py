"""Compressed bodies, unpacked within bounds."""

import gzip
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.probes.http.encoding import LARGEST, UnpackError, unpack

BODY = b'{"data": []}' * 50


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, raw_deflate])
def test_compressed_bodies_are_decompressed(pack: Any) -> None:
    assert unpack(pack(BODY)) == BODY


@pytest.mark.parametrize("size", [LARGEST + 1, 50_000_000])
def test_a_decompression_bomb_is_not_decompressed(size: int) -> None:
    with pytest.raises(UnpackError, match="too large"):
        unpack(gzip.compress(bytes(size)))


@given(st.binary(max_size=200))
def test_any_bytes_are_decompressed_or_refused(body: bytes) -> None:
    try:
        assert len(unpack(body)) <= LARGEST
    except UnpackError as error:
        assert "compressed answer" in str(error)
