"""Reading an answer that came whole, in its plainest form, without a parser's state. Pure.

Nearly every answer to a check is one: it came in one piece, tells its length, and leaves the
connection open. Through h11 it costs a fifth of the whole check. Whatever is not plain is left to
h11: None means "not plain", never "wrong", and what is plain means what h11 makes of it.
"""

import re
from typing import NamedTuple

from tracker.probes.http.headers import Headers

# The status line, with a status whose answer has a body of the told length.
_FIRST = re.compile(rb"HTTP/1\.1 (20[0-356]|[45][0-9][0-9])(?: [ -~]*)?")
_HEADER = re.compile(rb"([A-Za-z0-9_-]+):[ ]*((?:[!-~](?:[ -~]*[!-~])?)?)[ ]*")
_LENGTH = re.compile(r"[0-9]{1,8}")
MOST_HEADERS = 64


class WholeAnswer(NamedTuple):
    """status, headers (names in lower case), and the whole body."""

    status: int
    headers: Headers
    body: bytes


def read_whole(data: bytes) -> WholeAnswer | None:
    """Return the answer that is all of ``data``; None where a parser has to say what it is."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return None
    first, *lines = head.split(b"\r\n")
    status = _FIRST.fullmatch(first)
    if status is None or len(lines) > MOST_HEADERS:
        return None
    headers = []
    length = None
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            return None
        name, value = found[1].decode().lower(), found[2].decode()
        if name == "content-length":
            if length is not None or not _LENGTH.fullmatch(value):
                return None
            length = int(value)
        elif name == "transfer-encoding" or (name == "connection" and value != "keep-alive"):
            return None
        headers.append((name, value))
    if length != len(body):
        return None
    return WholeAnswer(int(status[1]), tuple(headers), body)
