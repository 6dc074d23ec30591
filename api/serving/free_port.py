"""Finding a free port to suggest instead of one in use."""

import socket

TRIED = 20  # ports above the one in use: other trackers and the demo use neighbouring ones


def next_free_port(host: str, port: int) -> int | None:
    """Return the next free port above, None where there is none."""
    for candidate in range(port + 1, min(port + 1 + TRIED, 65_536)):
        if _is_free(host, candidate):
            return candidate
    return None


def _is_free(host: str, port: int) -> bool:
    """Return whether the port is free on every address of the host."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in places:
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                tried.bind(address)
    except OSError:
        return False
    return True
