"""Encoding a response to bytes."""

import h11
from hypercorn.config import Config as HyperConfig
from quart import Response
from quart.utils import encode_headers

from api.http.middleware import add_security_headers


def write(response: Response, body: bytes | None, config: HyperConfig) -> bytes:
    """Write an answer as Quart, hypercorn and h11 write it between them."""
    response = add_security_headers(response)
    headers = [*encode_headers(response.headers), *config.response_headers("h11")]
    events: list[h11.Event] = [h11.Response(status_code=response.status_code, headers=headers)]
    if body:
        events.append(h11.Data(data=body))
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connection.next_event(), connection.next_event()  # that request, and its end
    return b"".join(connection.send(event) or b"" for event in (*events, h11.EndOfMessage()))
