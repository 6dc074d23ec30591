"""tracker.runtime.file_lock: one holder at a time."""

from pathlib import Path

from tracker.runtime.file_lock import FileLock


def test_a_file_lock_has_one_holder_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "status.db.cluster-lock"
    first, second = FileLock(path), FileLock(path)
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()


def test_its_holder_may_ask_again_and_release_twice(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.acquire()
    assert lock.acquire()
    lock.release()
    lock.release()


def test_a_folder_without_write_access_is_never_locked(tmp_path: Path) -> None:
    assert FileLock(tmp_path / "no folder" / "lock").acquire()
