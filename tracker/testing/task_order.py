"""One order for trio's tasks: the same program then gives the same run, threads or not."""

import random
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from typing import Any

from trio._core import _run


class _Fixed(random.Random):
    def __init__(self, *, oldest_first: bool) -> None:
        super().__init__()
        self._oldest_first = oldest_first

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Order the tasks by age; trio takes from the end."""
        if self._oldest_first:
            x.reverse()


@contextmanager
def fixed_order(*, oldest_first: bool = True) -> Iterator[None]:
    """Fix the order in which trio runs the tasks of a turn, which it shuffles.

    How many turns there are depends on how long threads take, so a seed alone repeats nothing.
    """
    shuffled, mixed = _run._r, _run._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001
    _run._r = _Fixed(oldest_first=oldest_first)  # noqa: SLF001
    _run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]  # noqa: SLF001
    try:
        yield
    finally:
        _run._r = shuffled  # noqa: SLF001
        _run._ALLOW_DETERMINISTIC_SCHEDULING = mixed  # type: ignore[misc]  # noqa: SLF001
