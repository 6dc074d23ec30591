"""Learning from a refusal which completion request a model accepts. Pure."""

import re

import attrs

from tracker.core.request_shape import RequestShape
from tracker.probes.http.response import BoundedResponse

ADAPTATIONS = 3  # in one check: there are three things to learn
REFUSED = frozenset({400, 422})
# "Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead" (OpenAI).
OTHER_FIELD = "max_completion_tokens"
# "'stream' does not support true with this model"; "streaming is not supported".
NO_STREAM = re.compile(
    r"stream\w*\W{1,4}(?:\w+ ){0,3}(?:not|n't|unsupported)|(?:not|n't) support\w* \W?stream",
    re.IGNORECASE,
)
# "integer below minimum value. Expected a value >= 16"; "must be at least 16"; "minimum … is 16".
MINIMUM = re.compile(
    r"(?:>=|at least|greater than or equal to|minimum\D{0,40}?)\s*(\d{1,4})\b", re.IGNORECASE
)
TOKEN_FIELD = re.compile(r"max_?(?:output_?|completion_?|new_?)?tokens", re.IGNORECASE)
MOST_TOKENS = 64  # a higher minimum would spend more than a check is worth


def adapt(shape: RequestShape, reply: BoundedResponse) -> RequestShape | None:
    """Return the shape that a refusal asks for; None where it asks for nothing new."""
    if reply.status not in REFUSED:
        return None
    text = reply.text
    adapted = shape
    if OTHER_FIELD in text and "max_tokens" in text and shape.field != OTHER_FIELD:
        adapted = attrs.evolve(adapted, field=OTHER_FIELD)
    elif (least := _minimum(text)) is not None and shape.tokens < least <= MOST_TOKENS:
        adapted = attrs.evolve(adapted, tokens=least)
    elif shape.stream and NO_STREAM.search(text):
        adapted = attrs.evolve(adapted, stream=False)
    return adapted if adapted != shape else None


def _minimum(text: str) -> int | None:
    """Find the least number of output tokens that a refusal names."""
    if not TOKEN_FIELD.search(text):
        return None
    found = MINIMUM.search(text)
    return None if found is None else int(found[1])
