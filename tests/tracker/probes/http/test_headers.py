"""tracker.probes.http.headers: an answer's headers as text."""

import pytest

from tracker.probes.http.headers import read_headers


@pytest.mark.parametrize("value", [b"caf\xc3\xa9", b"caf\xe9"])
def test_header_values_are_text_whatever_bytes_they_are(value: bytes) -> None:
    assert read_headers([(b"X-Name", value)])[0][0] == "x-name"
    assert read_headers([(b"X-Name", value)])[0][1].startswith("caf")
