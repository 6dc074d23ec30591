"""What a refusal reveals about the request that a model accepts."""

import pytest

from tracker.core.request_shape import RequestShape
from tracker.probes.adaptation import MOST_TOKENS, adapt
from tracker.probes.http.response import BoundedResponse

PLAIN = RequestShape()


def refusal(text: str, status: int = 400) -> BoundedResponse:
    return BoundedResponse(status=status, body=text.encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            RequestShape(field="max_completion_tokens"),
        ),
        (
            "Invalid 'max_output_tokens': integer below minimum value. "
            "Expected a value >= 16, but got 1 instead.",
            RequestShape(tokens=16),
        ),
        ("max_tokens must be at least 16", RequestShape(tokens=16)),
        ("max_tokens: must be greater than or equal to 2", RequestShape(tokens=2)),
        (
            "Unsupported value: 'stream' does not support true with this model.",
            RequestShape(stream=False),
        ),
        ("Streaming is not supported for this model", RequestShape(stream=False)),
        ("This model does not support streaming", RequestShape(stream=False)),
    ],
)
def test_a_refusal_that_names_the_right_parameter_is_followed(
    text: str, expected: RequestShape
) -> None:
    assert adapt(PLAIN, refusal(text)) == expected
    assert adapt(expected, refusal(text)) is None  # learnt once, not again


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("max_tokens must be at least 16", 500),
        (f"max_tokens must be at least {MOST_TOKENS + 1}", 400),
        ("your balance must be at least 5", 400),
        ("the model does not exist", 400),
        ("upstream closed the stream", 400),
        ("", 400),
    ],
)
def test_nothing_is_learnt_from_other_refusals(text: str, status: int) -> None:
    assert adapt(PLAIN, refusal(text, status)) is None


def test_an_adaptation_is_described_in_words() -> None:
    shape = RequestShape(tokens=16, field="max_completion_tokens", stream=False)
    assert shape.adaptations == (
        "asks with max_completion_tokens",
        "asks for 16 tokens",
        "does not stream",
    )
