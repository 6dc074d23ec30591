"""Reading a file that may hang: a pipe, or one in a folder on a network that is gone."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs
import outcome

T = TypeVar("T")
READ_SECONDS = 2.0


class HangsError(Exception):
    """It was not read in time."""


@attrs.define(eq=False)
class PatientReader(Generic[T]):
    """Reads in a thread of its own, which may hang; one that does keeps others from starting."""

    _thread: threading.Thread | None = None
    _answers: list[outcome.Outcome[T]] = attrs.field(factory=list)

    def read(self, job: Callable[[], T]) -> T:
        """Read for at most READ_SECONDS, blocking, in a thread.

        Raises HangsError, and what job raises.
        """
        if self._thread is None or not self._thread.is_alive():
            self._answers = answers = []

            def attempt() -> None:
                answers.append(outcome.capture(job))

            self._thread = threading.Thread(target=attempt, daemon=True)
            self._thread.start()
        self._thread.join(READ_SECONDS)
        if self._thread.is_alive():
            raise HangsError
        return self._answers.pop().unwrap()
