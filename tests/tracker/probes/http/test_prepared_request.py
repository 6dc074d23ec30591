"""tracker.probes.http.prepared_request: the request as it is sent, or why it cannot be."""

import httpcore
import pytest

from tracker.probes.http.prepared_request import prepare_request


def test_a_header_that_cannot_be_sent_is_a_local_error() -> None:
    with pytest.raises(httpcore.LocalProtocolError):
        prepare_request("GET", "http://127.0.0.1:9/", {"X-A": "b\nc"}, None)
