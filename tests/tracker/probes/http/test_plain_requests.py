"""tracker.probes.http.plain_requests: the bytes that httpx and h11 would send, or none."""

import h11
import httpcore
import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracker.probes.http.plain_requests import write_get
from tracker.probes.http.prepared_request import PreparedRequest

PLAIN = {
    "scheme": ["http", "https"],
    "host": ["127.0.0.1", "10.0.0.1", "199.99.0.1", "localhost", "a-b.example", "1a.a9.example"],
    "port": ["", ":1", ":8080", ":65535"],
    "path": ["/v1/models", "/v1", "/a.b/~c-d_e/V1", "/1"],
    "rest": [""],
}
ODD = {
    "scheme": ["HTTP", "ftp", ""],
    "host": [
        *("0.0.0.0", "01.2.3.4", "256.1.1.1", "1.2.3", "1.2.3.4.5", "[::1]", "Api.example", "a_b"),
        *("xn--bcher-kva.example", "bücher.example", "a..b", "a.", "-a", "a-", "u@h", "9.com", ""),
    ],
    "port": [":", ":80", ":443", ":65536", ":99999", ":080", ":x"],
    "path": ["", "/", "//a", "/a//b", "/./a", "/a/..", "/%41", "/a b", "/é", "/:go", "/a;b", "a"],
    "rest": ["/", "?", "?a=b", "#f", "\r\n", " "],
}
NAMES = ["Accept", "X-A", "x-a", "Host", "host", "Content-Length", "Transfer-Encoding", "a b", "é"]
VALUES = ["application/json", "Bearer sk-1 2", "a\tb", "", " a", "a ", "a\r\nb", "é", "\x00", "3"]


@st.composite
def urls(draw: st.DrawFn) -> str:
    """One in which at most one part is not plain."""
    odd = draw(st.sampled_from([None, *ODD]))
    return "{scheme}://{host}{port}{path}{rest}".format_map(
        {
            part: draw(st.sampled_from(ODD[part]) | st.text(max_size=4))
            if part == odd
            else draw(st.sampled_from(plain))
            for part, plain in PLAIN.items()
        }
    )


headers = st.dictionaries(st.sampled_from(NAMES[:3]), st.sampled_from(VALUES[:2])) | (
    st.dictionaries(
        st.sampled_from(NAMES) | st.text(max_size=4), st.sampled_from(VALUES) | st.text(max_size=6)
    )
)


def by_libraries(url: str, sent: dict[str, str]) -> PreparedRequest:
    made = httpx.Request("GET", url, headers=sent)
    place = httpcore.URL(
        scheme=made.url.raw_scheme,
        host=made.url.raw_host,
        port=made.url.port,
        target=made.url.raw_path,
    )
    return PreparedRequest.of(b"GET", place, made.headers.raw, made.content)


@settings(max_examples=300)
@given(url=urls(), sent=headers)
@example(url="http://127.0.0.1:8080/v1/models", sent={"Accept": "*/*", "X-A": "b c"})
@example(url="https://api.example.com/v1/a.b", sent={"X-A": "1", "x-a": "2"})
@example(url="https://1.2.3.4/" + "a" * 70_000, sent={})
def test_a_plain_request_has_the_bytes_that_the_libraries_send(
    url: str, sent: dict[str, str]
) -> None:
    plain = write_get(url, sent)
    if plain is None:
        return
    usual = by_libraries(url, sent)
    assert plain.wire == usual.wire
    assert plain.headers == usual.headers
    scheme, host, port, target, raw, wire = plain
    place = httpcore.URL(scheme=scheme, host=host, port=port, target=target)
    made = PreparedRequest(b"GET", place, raw, b"", wire)
    assert (made.origin, made.url) == (usual.origin, usual.url)
    state = h11.Connection(h11.CLIENT)
    assert b"".join(state.send(event) or b"" for event in made.events) == wire


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/v1/models",
        "https://api.groq.com/openai/v1/models",
        "https://api-inference.x.co:8443/a",
        "http://localhost:1/v1",
    ],
)
def test_what_checks_ask_for_is_plain(url: str) -> None:
    sent = {"User-Agent": "a/0.1", "Accept-Encoding": "identity", "Authorization": "Bearer sk-1"}
    plain = write_get(url, sent)
    assert plain is not None
    assert plain.wire == by_libraries(url, sent).wire


@pytest.mark.parametrize("url", ["http://h:80/a", "https://h:443/a", "http://h/a?b", "http://h"])
def test_what_libraries_write_otherwise_is_left_to_them(url: str) -> None:
    assert write_get(url, {}) is None
