"""api.serving.refusals: what is answered before the application sees a request."""

import json

import h11
import pytest
from hypercorn.config import Config as HyperConfig

from api.connection_counts import Refusal
from api.serving.refusals import ambiguous_answer, no_room_answer

NOW = 1_700_000_000


def read(answer: bytes) -> tuple[h11.Response, str]:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "localhost")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(answer)
    response, body = connection.next_event(), connection.next_event()
    assert isinstance(response, h11.Response)
    assert isinstance(body, h11.Data)
    return response, json.loads(bytes(body.data))["detail"]


@pytest.mark.parametrize(
    ("refusal", "detail"),
    [
        (Refusal.PEER, "too many requests from your address are being answered"),
        (Refusal.CROWDED, "too many requests are being answered"),
    ],
)
def test_who_finds_no_room_is_told_when_to_come_again(refusal: Refusal, detail: str) -> None:
    response, said = read(no_room_answer(refusal, HyperConfig(), NOW))
    headers = dict(response.headers)
    assert (response.status_code, said) == (503, f"{detail}: try again in a moment")
    assert headers[b"retry-after"] == b"5"
    assert headers[b"connection"] == b"close"


def test_a_crowd_gets_the_same_bytes_within_a_second() -> None:
    config = HyperConfig()
    answers = [no_room_answer(Refusal.PEER, config, NOW) for _ in range(3)]
    assert all(each is answers[0] for each in answers)
    assert no_room_answer(Refusal.PEER, config, NOW + 1) is not answers[0]


def test_an_ambiguous_request_is_refused_with_the_reason() -> None:
    response, said = read(ambiguous_answer("Host is given twice", HyperConfig()))
    assert (response.status_code, said) == (400, "Host is given twice")
    assert dict(response.headers)[b"connection"] == b"close"
