"""Reading JSON that we wrote, from a place where others can write too."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_stored(text: str | bytes, shape: type[T]) -> T:
    """Return JSON as a value of the shape.

    Raises msgspec.DecodeError or ValueError for whatever is none, also where its brackets would
    exhaust the stack: a RecursionError in a restored state ended the tracker.
    """
    try:
        return msgspec.json.decode(text, type=shape)
    except RecursionError:
        raise ValueError("nested too deeply") from None
