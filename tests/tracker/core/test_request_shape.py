"""What was learnt about asking a model, in words that an operator understands."""

import pytest

from tracker.core.request_shape import RequestShape


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (RequestShape(), ()),
        (RequestShape(tokens=16), ("asks for 16 tokens",)),
        (
            RequestShape(field="max_completion_tokens", stream=False),
            ("asks with max_completion_tokens", "does not stream"),
        ),
        (
            RequestShape(first=True),
            ("tried first, because no model is configured and this one answered",),
        ),
    ],
)
def test_only_differences_from_the_usual_request_are_described(
    shape: RequestShape, told: tuple[str, ...]
) -> None:
    assert shape.adaptations == told
