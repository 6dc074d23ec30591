"""Found first on PYTHONPATH, so that every Python process started with it can reach only loopback.

Any other connection is refused and recorded in the file that OUTSIDE_HOSTS names. Sockets opened
below Python (uvloop's own connections) are not seen.
"""

import os
import sys
from pathlib import Path

HERE = {"", "localhost", "::1", "0.0.0.0", "::"}  # the last two to listen on
NOTES = Path(os.environ["OUTSIDE_HOSTS"])


def _host(event: str, arguments: tuple[object, ...]) -> str:
    """Return the host to be reached or looked up; empty for a file or no host."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return ""
    return host.decode() if isinstance(host, bytes) else str(host or "")


def _keep_to_loopback(event: str, arguments: tuple[object, ...]) -> None:
    host = _host(event, arguments)
    if host not in HERE and not host.startswith("127."):
        with NOTES.open("a") as notes:
            notes.write(f"{Path(sys.argv[0]).name}: {event} {host}\n")
        raise PermissionError(f"only loopback here, not {host}")


sys.addaudithook(_keep_to_loopback)
