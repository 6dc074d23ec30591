"""What a model is for, read from its id: a chat completion can only test chat models."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from tracker.models.words import OTHER_TASKS

LONGEST_READ = 200  # characters of an id; no provider's is longer
NOTHING: Mapping[str, str] = MappingProxyType({})
_WORD = re.compile(r"[a-z]+[0-9]?")


def other_task(model_id: str, listed: Mapping[str, str] = NOTHING) -> str | None:
    """Tell what a model is for when it is not for chat ("image generation"); None when it may be.

    listed: tasks by model, as the provider's list has them. Else the words of the id decide, and
    an unknown word is taken for a chat model's.
    """
    if (task := listed.get(model_id)) is not None:
        return task
    words = set(_WORD.findall(model_id[:LONGEST_READ].casefold()))
    words |= {word.rstrip("0123456789") for word in words}
    return next((task for task, known in OTHER_TASKS.items() if words & known), None)


def is_for_chat(model_id: str) -> bool:
    """Return whether a model's id names no other task, such as embedding or speech."""
    return other_task(model_id) is None
