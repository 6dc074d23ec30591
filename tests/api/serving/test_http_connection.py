"""api.serving.http_connection: what the log says of a connection that failed.

What a client may do to a connection is in tests/api/test_server.py.
"""

from api.serving.http_connection import _first_line


def test_the_error_inside_groups_is_reported_in_one_line() -> None:
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError("x" * 500)])])
    assert _first_line(group) == f"ValueError: {'x' * 500}"[:200]
