"""Opening a port: each failure is reported with what to do."""

import errno
import os

import pytest

from api.serving.listeners import _why


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.EACCES, "port 80 of 127.0.0.1 needs more privileges: choose one above 1023"),
        (errno.EADDRINUSE, "port 80 of 127.0.0.1 is in use: stop the program that uses it"),
        (errno.EADDRNOTAVAIL, "cannot listen on 127.0.0.1, port 80: Cannot assign"),
    ],
)
def test_a_port_that_cannot_be_opened_says_why_and_what_to_do(code: int, told: str) -> None:
    assert _why("127.0.0.1", 80, OSError(code, os.strerror(code))).startswith(told)
