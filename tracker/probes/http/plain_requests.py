"""Writing a GET in its plainest form, without httpx and h11. Pure.

Nearly every request of a check is one. Through both libraries, building it is an eighth of the CPU
of a provider's first check. Whatever is not plain is left to them: None means "not plain", never
"wrong", and a plain one has the very bytes that they would send.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

# A host without escapes, capitals or other alphabets; a path without escapes or dots to resolve.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*"
    r"|(?:[1-9][0-9]?|1[0-9][0-9])(?:\.(?:[0-9]|[1-9][0-9]|1[0-9][0-9])){3})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?P<target>(?:/[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*)+)"
)
_NAME = re.compile(r"[A-Za-z0-9-]+")
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
# Headers that decide how a request is framed or where it goes.
_SPECIAL = frozenset({"host", "content-length", "transfer-encoding"})
_USUAL_PORTS = {"http": "80", "https": "443"}  # never told in a Host header
_MOST_PORT = 65_535
_LONGEST_URL = 2_048  # characters; httpx refuses one that is far longer


class PlainGet(NamedTuple):
    """Its origin and target; its headers as they are sent, and all of its bytes."""

    scheme: bytes
    host: bytes
    port: int | None
    target: bytes
    headers: list[tuple[bytes, bytes]]
    wire: bytes


def write_get(url: str, headers: Mapping[str, str]) -> PlainGet | None:
    """Return the GET of a URL with these headers; None where libraries have to say what it is."""
    found = _URL.fullmatch(url)
    if found is None or len(url) > _LONGEST_URL:
        return None
    scheme, host, port, target = found.groups()
    if port is not None and (port == _USUAL_PORTS[scheme] or int(port) > _MOST_PORT):
        return None
    for name, value in headers.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)) or name.lower() in _SPECIAL:
            return None
    lines = {"Host": host if port is None else f"{host}:{port}", **headers}
    head = "".join([f"{name}: {value}\r\n" for name, value in lines.items()])
    return PlainGet(
        scheme=scheme.encode(),
        host=host.encode(),
        port=None if port is None else int(port),
        target=target.encode(),
        headers=[(name.encode(), value.encode()) for name, value in lines.items()],
        wire=f"GET {target} HTTP/1.1\r\n{head}\r\n".encode(),
    )
