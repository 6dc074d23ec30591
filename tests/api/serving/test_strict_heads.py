"""Requests that a proxy and we may read differently are refused."""

import pytest

from api.serving.strict_heads import find_ambiguity

HOST = (b"host", b"localhost")
LENGTH, CHUNKED = (b"content-length", b"5"), (b"transfer-encoding", b"chunked")
TOKEN = (b"authorization", b"Bearer a")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        (b"GET", []),
        (b"POST", [LENGTH]),
        (b"POST", [CHUNKED, TOKEN]),
        (b"GET", [(b"accept", b"a"), (b"accept", b"b")]),
        (b"M-SEARCH", []),
    ],
)
def test_an_unambiguous_head_is_accepted(method: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    assert find_ambiguity(method, [HOST, *headers]) is None


@pytest.mark.parametrize(
    ("method", "headers", "told"),
    [
        (b"POST", [LENGTH, CHUNKED], "must not have both"),
        (b"GET", [CHUNKED, LENGTH], "must not have both"),
        (b"POST", [TOKEN, TOKEN], "the header Authorization is given more than once"),
        (b"post", [], "capital letters"),
        (b"Get", [], "capital letters"),
    ],
)
def test_an_ambiguous_head_is_refused(
    method: bytes, headers: list[tuple[bytes, bytes]], told: str
) -> None:
    assert told in (find_ambiguity(method, [HOST, *headers]) or "")
