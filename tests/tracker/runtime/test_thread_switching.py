"""A thread of ours gives the interpreter back sooner than Python's own five milliseconds."""

import sys

from tracker.runtime.thread_switching import switch_threads_often


def test_threads_switch_more_often_than_by_default() -> None:
    before = sys.getswitchinterval()
    try:
        switch_threads_often()
        assert sys.getswitchinterval() < 0.001
    finally:
        sys.setswitchinterval(before)
