"""api.http.etags: which representation a client gets, and when it has it already."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.etags import accepts_gzip, matches_etag, negotiate
from api.http.response_cache import KEPT_BYTES, PLAIN_BYTES, ResponseCache, answer_of
from tests.helpers.idle_tracker import a_snapshot

LONG = b"[" + b"1," * PLAIN_BYTES + b"1]"


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("br, GZip", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("deflate, br", False),
        ("", False),
        ("gzipped", False),
    ],
)
def test_gzip_is_used_if_the_client_accepts_it(header: str, taken: bool) -> None:
    assert accepts_gzip(header) is taken


@given(st.binary(min_size=PLAIN_BYTES + 1, max_size=3 * PLAIN_BYTES))
def test_a_compressed_answer_has_the_same_content_and_another_tag(body: bytes) -> None:
    plain = answer_of(body)
    packed = negotiate(plain, gzip=True)
    assert gzip.decompress(packed.body) == body
    assert packed.etag != plain.etag
    assert ("Content-Encoding", "gzip") in packed.headers
    assert negotiate(plain, gzip=True) is packed
    assert negotiate(plain, gzip=False) is plain


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"x" * PLAIN_BYTES, "application/json"), (LONG, "image/png")]
)
def test_an_answer_that_would_not_shrink_is_not_compressed(body: bytes, content_type: str) -> None:
    plain = answer_of(body, content_type)
    assert negotiate(plain, gzip=True) is plain


def test_representations_have_different_tags() -> None:
    plain = answer_of(LONG)
    packed = plain.gzipped
    assert matches_etag(packed, packed.etag)
    assert matches_etag(packed, f"W/{packed.etag}")
    assert not matches_etag(packed, plain.etag)
    assert not matches_etag(plain, packed.etag)


def test_large_answers_cannot_fill_the_memory() -> None:
    answers, snapshot = ResponseCache(), a_snapshot()
    for number in range(40):
        answers.get(snapshot, number, lambda: answer_of(b"x" * (KEPT_BYTES // 10)))
        assert sum(len(each.body) for each in answers._kept.values()) <= KEPT_BYTES
    answers.get(snapshot, "huge", lambda: answer_of(b"x" * (2 * KEPT_BYTES)))
    assert list(answers._kept) == ["huge"]
