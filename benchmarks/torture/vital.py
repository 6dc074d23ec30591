"""What a process holds: memory, descriptors, threads. Linux."""

import os
from contextlib import suppress
from pathlib import Path

import attrs


@attrs.frozen
class Vital:
    """``rss``: resident bytes."""

    at: float
    rss: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int, at: float = 0.0) -> "Vital":
        proc = Path(f"/proc/{pid}")
        pages = int((proc / "statm").read_text().split()[1])
        return cls(
            at=at,
            rss=pages * os.sysconf("SC_PAGE_SIZE"),
            descriptors=len(list((proc / "fd").iterdir())),
            threads=len(list((proc / "task").iterdir())),
        )


def sockets_of(pid: int | str) -> set[str]:
    """Return the name of each of its sockets: no two have the same. pid: or ``self``.

    Unlike descriptors, their number does not grow when a part of the process starts late.
    """
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found.add(str(descriptor.readlink()))
    return {name for name in found if name.startswith("socket:")}
