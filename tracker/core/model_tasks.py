"""What a model is for, by the words of its id: a chat completion can prove only chat models."""

import re

from tracker.core.model_words import OTHER_TASKS

LONGEST_READ = 200  # characters of an id; no provider's is longer
_WORD = re.compile(r"[a-z]+[0-9]?")


def other_task(model_id: str) -> str | None:
    """Tell what a model is for when it is not for chat ("image generation"); None when it may be.

    Goes by the words of the id alone, so an unknown word is taken for a chat model's.
    """
    words = set(_WORD.findall(model_id[:LONGEST_READ].casefold()))
    words |= {word.rstrip("0123456789") for word in words}
    return next((task for task, known in OTHER_TASKS.items() if words & known), None)


def is_for_chat(model_id: str) -> bool:
    """Return whether a model's id names no other task, such as embedding or speech."""
    return other_task(model_id) is None
