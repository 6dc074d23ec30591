"""What a process holds: memory, descriptors, threads. Linux."""

import os
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
