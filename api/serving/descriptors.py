"""The limit of clients: the process's limit of open files minus what it needs itself."""

import sys

MOST = 10_000  # connections; each takes about 40 kB
# Log files, the database with its readers, the hub, the event loop, alerts being sent.
OWN = 96
PER_PROVIDER = 3  # a check's connection, its replacement, a name look-up
FEWEST = 16


def raise_descriptor_limit() -> int | None:
    """Raise this process's limit of open files to the maximum; return it, None if not known."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 (there is none on Windows)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard if hard != resource.RLIM_INFINITY else max(soft, 65_536)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # macOS refuses more than kern.maxfilesperproc
        return soft
    return most


def descriptor_limit() -> int | None:
    """Return what this process may open now, None where nothing limits it."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def connection_limit(providers: int, descriptors: int | None) -> int:
    """Return how many clients leave enough descriptors for the checks and for ourselves."""
    if descriptors is None:
        return MOST
    return max(min(descriptors - OWN - PER_PROVIDER * providers, MOST), FEWEST)
