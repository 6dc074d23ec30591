"""Server-sent events, whole and in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.probes.http.event_stream import MOST_LINES, EventReader, read_stream


def data_of(body: bytes) -> list[bytes]:
    return [event.data for event in read_stream(body)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: {\ndata: }\n\n", [b"{\n}"]),
        (b": ping\n\nevent: message\nid: 1\nretry: 5\ndata:a\n\n", [b"a"]),
        (b"data\n\n", [b""]),
        (b"data:  two\n\n", [b" two"]),
        (b"data: a\n\n\n\ndata: b", [b"a", b"b"]),
        (b"", []),
        (b"nonsense", []),
    ],
)
def test_events_are_read_as_the_standard_says(body: bytes, expected: list[bytes]) -> None:
    assert data_of(body) == expected


@given(
    st.lists(
        st.sampled_from(
            [b"data: a", b"data:b", b": c", b"\n", b"\r\n", b"\r", b"x", b"\xef\xbb\xbf"]
        ),
        max_size=30,
    ).map(b"".join),
    st.integers(1, 7),
)
def test_the_division_into_pieces_changes_nothing(body: bytes, size: int) -> None:
    reader, found = EventReader(), []
    for start in range(0, len(body), size):
        found += reader.feed(body[start : start + size])
    found += reader.finish()
    assert [event.data for event in found] == data_of(body)
    assert all(0 <= event.end <= len(body) for event in found)


def test_nothing_is_read_beyond_the_lines_that_a_completion_has() -> None:
    reader = EventReader()
    events = list(reader.feed(b"data: a\n\n" * MOST_LINES))
    assert len(events) <= MOST_LINES // 2 + 1
    assert reader.exhausted
    assert [*reader.feed(b"data: b\n\n"), *reader.finish()] == []
