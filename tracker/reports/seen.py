"""Which reports were already accepted: each id once within a day, in limited memory.

An id takes four bytes: 39 bits of its hash and the hour of its acceptance. With twenty million
others, one id in 27,000 looks like one of them: its report is refused, one call of many. None is
ever accepted twice.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import attrs

HOUR = 3600.0
HOURS = 25  # a whole day back, whatever part of the present hour has passed
# 85 MB when full, at 230 calls a second all day. Then new reports wait: no id is dropped.
MOST_IDS = 20_000_000
SHARD_BITS, MARK_BITS, HOUR_BITS = 12, 27, 5
SHARDS, HOUR_RING = 1 << SHARD_BITS, 1 << HOUR_BITS
SPARE_BITS = 64 - SHARD_BITS - MARK_BITS  # of a mark, that are not kept
# An hour's number comes again after 32 hours; what is looked through in time is never mistaken.
SWEEP_HOURS = HOUR_RING - HOURS - 1
SHARDS_AT_ONCE = 2  # of some 5,000 ids when all is full: a millisecond


def mark_of(reporter: str, report_id: str) -> int:
    """Return 64 bits that stand for a report, in this process and the next."""
    name = f"{reporter}\0{report_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big")


@attrs.define(eq=False)
class _Shard:
    """Entries in order: bits of a mark, then the hour.

    swept: when it was last looked through. Its entries are of the 24 hours before, and of at most
    SWEEP_HOURS since: fewer than there are numbers of hours, so each number means one hour.
    """

    swept: int
    entries: "array[int]" = attrs.field(factory=lambda: array("I"))

    def find(self, bits: int, since: int) -> bool:
        """Return whether these bits were taken in that hour or later."""
        first = bits << HOUR_BITS
        at = bisect_left(self.entries, first)
        while at < len(self.entries) and self.entries[at] < first + HOUR_RING:
            if self.hour_of(self.entries[at]) >= since:
                return True
            at += 1
        return False

    def insert(self, bits: int, hour: int) -> None:
        entry = bits << HOUR_BITS | hour % HOUR_RING
        self.entries.insert(bisect_left(self.entries, entry), entry)

    def sweep(self, hour: int) -> int:
        """Forget what is older than a day; return how many that were."""
        oldest, before = hour - HOURS + 1, len(self.entries)
        self.entries = array("I", [e for e in self.entries if self.hour_of(e) >= oldest])
        self.swept = hour
        return before - len(self.entries)

    def hour_of(self, entry: int) -> int:
        oldest = self.swept - HOURS + 1
        return oldest + (entry - oldest) % HOUR_RING


@attrs.define(eq=False)
class SeenReports:
    """Remembers at most ``limit`` reports. Hours are counted from 1970 and never go back."""

    limit: int = MOST_IDS
    _shards: dict[int, _Shard] = attrs.field(factory=dict)
    _count: int = 0
    _next_sweep: int = 0

    def __len__(self) -> int:
        return self._count

    def has_room(self, reports: int) -> bool:
        """Return whether so many more can be remembered."""
        return self._count + reports <= self.limit

    def forget_some(self, hour: int) -> None:
        """Look through the next shards in turn for what is older than a day."""
        for _ in range(SHARDS_AT_ONCE):
            self._next_sweep = (self._next_sweep + 1) % SHARDS
            if (shard := self._shards.get(self._next_sweep)) is not None and shard.swept < hour:
                self._count -= shard.sweep(hour)

    def add(self, mark: int, hour: int) -> bool:
        """Remember a report; False when it was taken within a day."""
        shard = self._shard(mark, hour)
        if shard.find(_bits(mark), hour - HOURS + 1):
            return False
        shard.insert(_bits(mark), hour)
        self._count += 1
        return True

    def restore(self, stored: Iterable[tuple[int, bytes]], hour: int) -> None:
        """Take what was stored: hours, and the marks of each as ``pack_marks`` wrote them."""
        for taken, packed in stored:
            if hour - HOURS < taken:
                for mark in unpack_marks(packed):
                    self._shard(mark, hour).insert(_bits(mark), min(taken, hour))
                    self._count += 1

    def absorb(self, other: "SeenReports", hour: int) -> None:
        """Take what another one remembers as well."""
        for mark, taken in other.known(hour):
            self._shard(mark, hour).insert(_bits(mark), taken)
            self._count += 1

    def known(self, hour: int) -> Iterator[tuple[int, int]]:
        """Yield what is kept of each mark, and the hour it was taken in."""
        for place, shard in self._shards.items():
            self._count -= shard.sweep(hour)
            for entry in shard.entries:
                mark = place << (64 - SHARD_BITS) | entry >> HOUR_BITS << SPARE_BITS
                yield mark, shard.hour_of(entry)

    def _shard(self, mark: int, hour: int) -> _Shard:
        place = mark >> (64 - SHARD_BITS)
        shard = self._shards.get(place)
        if shard is None:
            shard = self._shards[place] = _Shard(hour)
        elif hour - shard.swept > SWEEP_HOURS:
            self._count -= shard.sweep(hour)
        return shard


def pack_marks(marks: Iterable[int]) -> bytes:
    """Return marks as the store keeps them: eight bytes each."""
    packed = array("Q", marks)
    return packed.tobytes()


def unpack_marks(packed: bytes) -> Iterator[int]:
    """Yield the marks again; what is left of a damaged row is left out."""
    marks = array("Q")
    marks.frombytes(packed[: len(packed) // 8 * 8])
    return iter(marks)


def _bits(mark: int) -> int:
    """Return what an entry keeps of a mark; its shard stands for the bits before."""
    return mark >> SPARE_BITS & ((1 << MARK_BITS) - 1)
