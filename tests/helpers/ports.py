"""Ports for servers that start later than they are named, or stop and start again."""

import os
import random
import socket

MOST_WORKERS = 16
FIRST = 10_081  # 10,080 is the last one to which Chromium refuses to connect ("unsafe port")
CLIENTS_FROM = 32_000  # Linux gives ports from 32,768 on to clients and to servers that name none


def lasting_port() -> int:
    """Return a free port that the system gives to nobody, so that it stays free while unused.

    Raises OSError where none is left.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])  # none names another's
    ours = range(FIRST + worker % MOST_WORKERS, CLIENTS_FROM, MOST_WORKERS)
    for port in random.sample(ours, 100):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise OSError(f"no port is free below {CLIENTS_FROM:,}")
