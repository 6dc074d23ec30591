"""A file that hangs is given up in time, by one thread however often it is read."""

import os
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.helpers.waiting import block_until
from tracker.core.patient_reader import (
    HangsError,
    forget_hanging_files,
    hanging_files,
    read_bytes,
    read_patiently,
)


def pipe(folder: Path) -> Path:
    os.mkfifo(made := folder / "pipe")
    return made


def threads_at(file: object) -> int:
    """Return how many threads read the file; others of the process come and go meanwhile."""
    return [thread.name for thread in threading.enumerate()].count(f"reading {file}")


def test_a_file_that_answers_is_read(tmp_path: Path) -> None:
    (file := tmp_path / "file").write_text("said")
    assert read_patiently(file, file.read_text) == "said"
    file.write_text("again")
    assert read_patiently(file, file.read_text) == "again"


def test_the_jobs_own_failure_is_raised(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            read_patiently("none", (tmp_path / "none").read_text)

    def too_late() -> None:
        raise TimeoutError("of the job")

    with pytest.raises(TimeoutError, match="of the job"):
        read_patiently("late", too_late)


def test_a_file_that_hangs_is_given_up_by_one_thread_however_often_it_is_read() -> None:
    answers = threading.Event()

    def read() -> str:
        answers.wait()
        return "at last"

    for _ in range(5):
        with pytest.raises(HangsError) as caught:
            read_patiently("dead share", read, 0.02)
        assert caught.value.strerror == "reading the file hung for more than 0.02 s"
    assert threads_at("dead share") == 1
    assert hanging_files() == ("dead share",)
    answers.set()
    assert read_patiently("dead share", read) == "at last"
    assert hanging_files() == ()


def test_a_pipe_leaves_no_thread_and_its_replacement_is_read(tmp_path: Path) -> None:
    made = pipe(tmp_path)
    for _ in range(3):
        with pytest.raises(HangsError):
            read_patiently(made, partial(read_bytes, made, 10, 0.02))
    block_until(lambda: threads_at(made) == 0)
    assert hanging_files() == (str(made),)
    forget_hanging_files(0.0)
    assert hanging_files() == (str(made),)
    forget_hanging_files(time.monotonic())
    assert hanging_files() == ()
    made.unlink()
    made.write_bytes(b"a file at last")
    assert read_patiently(made, partial(read_bytes, made, 10)) == b"a file at "
    assert hanging_files() == ()


def test_a_pipe_that_is_written_to_is_read(tmp_path: Path) -> None:
    made = pipe(tmp_path)
    said = b"some text\n" * 20_000
    writer = threading.Thread(target=made.write_bytes, args=(said,))
    writer.start()
    assert read_bytes(made, 1_000_000) == said
    writer.join()


@pytest.mark.parametrize("name", ["none", "."])
def test_a_missing_file_is_reported_as_usual(tmp_path: Path, name: str) -> None:
    with pytest.raises((FileNotFoundError, IsADirectoryError)):
        read_bytes(tmp_path / name, 10)
