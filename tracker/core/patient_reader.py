"""Reading a file that may hang: a pipe, or a file on a network folder that does not answer."""

import errno
import os
import select
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedError
from pathlib import Path
from typing import Any, TypeVar

import attrs

T = TypeVar("T")
READ_SECONDS = 2.0
_lock = threading.Lock()


@attrs.frozen(eq=False)
class _Attempt:
    """A read that has not finished yet."""

    file: str
    answer: "Future[Any]" = attrs.field(factory=Future)


_attempts: dict[tuple[str, object], _Attempt] = {}
_hanging: dict[str, float] = {}  # files whose last read timed out, and when (monotonic)


class HangsError(OSError):
    """The file was not read in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(errno.ETIMEDOUT, f"reading the file hung for more than {seconds:g} s")


def read_patiently(
    file: object, job: Callable[[], T], seconds: float = READ_SECONDS, *, reader: object = None
) -> T:
    """Return what ``job`` makes of a file, read in a thread of its own, which may hang.

    Blocks for ``seconds`` at most. reader: the name of the reader, if several read it in different
    ways. While a thread hangs at a file that reader starts no other, and a later caller gets
    that one's answer. Raises HangsError, and what job raises.
    """
    key = (str(file), reader)
    with _lock:
        attempt = _attempts.get(key)
        if attempt is None:
            attempt = _attempts[key] = _Attempt(str(file))
            name = f"reading {file}"
            threading.Thread(target=_run, args=(key, job, attempt), name=name, daemon=True).start()
    try:
        answer: T = attempt.answer.result(seconds)
    except WaitedError:
        if attempt.answer.done() and not isinstance(attempt.answer.exception(), HangsError):
            raise  # the job raised it
        _hanging[str(file)] = time.monotonic()
        raise HangsError(seconds) from None
    finally:
        if attempt.answer.done():
            _note(attempt)
    return answer


def _note(attempt: _Attempt) -> None:
    """Note whether the file hangs: with whatever it said, or was refused with, it does not."""
    is_hanging = isinstance(attempt.answer.exception(), HangsError)
    if is_hanging:
        _hanging[attempt.file] = time.monotonic()
    else:
        _hanging.pop(attempt.file, None)


def _run(key: tuple[str, object], job: Callable[[], Any], attempt: _Attempt) -> None:
    answer, failure = None, None
    try:
        answer = job()
    except BaseException as error:  # noqa: BLE001 (raised where it is waited for)
        # Drop the traceback: its frames hold the attempt, which holds the error.
        failure = error.with_traceback(None)
    with _lock:  # before the event is set: the waiting caller may ask again immediately
        _attempts.pop(key, None)
    if failure is None:
        attempt.answer.set_result(answer)
    else:
        attempt.answer.set_exception(failure)


def hanging_files() -> tuple[str, ...]:
    """List the files whose last reading was given up, or hangs still."""
    return tuple(sorted(_hanging.copy()))


def forget_hanging_files(since: float) -> None:
    """Forget those whose last read timed out before then, in seconds of ``time.monotonic``.

    For a caller that has just read all files again: one that is still wanted is noted again when it
    hangs.
    """
    for file, at in _hanging.copy().items():
        if at < since:
            _hanging.pop(file, None)


def read_bytes(file: Path, most: int, seconds: float = READ_SECONDS) -> bytes:
    """Return at most so many bytes of a file, for a job of ``read_patiently``.

    A pipe has so many seconds to say all of it, and leaves no thread behind where it does not:
    whatever takes its place later is read. Raises HangsError, and what opening and reading raise.
    """
    if not hasattr(select, "poll"):  # no poll: a platform without named pipes among its files
        with file.open("rb") as opened:
            return opened.read(most)
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, True)
            with open(descriptor, "rb", closefd=False) as opened:
                return opened.read(most)
        return _read_pipe(descriptor, most, seconds)
    finally:
        os.close(descriptor)


def _read_pipe(descriptor: int, most: int, seconds: float) -> bytes:
    ends = time.monotonic() + seconds
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    said = b""
    while len(said) < most:
        left = ends - time.monotonic()
        if left <= 0.0 or not waiting.poll(left * 1_000.0):
            raise HangsError(seconds)
        piece = os.read(descriptor, most - len(said))
        if not piece:
            break
        said += piece
    return said
