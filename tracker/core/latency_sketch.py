"""A small summary of many latencies that can be merged and stored. Pure.

Logarithmic buckets after DDSketch (Masson, Rim, Lee, VLDB 2019): a quantile is within 2 % of the
exact one, and merging two sketches gives the same as one sketch of all their samples.
"""

import math

import msgspec

ACCURACY = 0.02  # relative; finer than any decision made with it needs
GAMMA = (1.0 + ACCURACY) / (1.0 - ACCURACY)
_LOG_GAMMA = math.log(GAMMA)
LEAST_MS = 0.1  # shorter latencies count as this: a clock cannot resolve less


class LatencySketch(msgspec.Struct, eq=False, gc=False):
    """Sample counts by bucket. ``sum_ms``: sum of all samples, for the mean.

    The garbage collector skips it: an answer may hold 500,000.
    """

    counts: dict[int, int] = msgspec.field(default_factory=dict)
    samples: int = 0
    sum_ms: float = 0.0

    def add(self, latency_ms: float) -> None:
        """Count a latency in its bucket; what is below ``LEAST_MS`` is in the lowest."""
        bucket = math.ceil(math.log(max(latency_ms, LEAST_MS)) / _LOG_GAMMA)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.samples += 1
        self.sum_ms += latency_ms

    def merge(self, other: "LatencySketch") -> None:
        """Add another sketch's counts; the quantiles are then those of both together."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.samples += other.samples
        self.sum_ms += other.sum_ms

    def quantile(self, share: float) -> float | None:
        """Return the nearest-rank quantile in milliseconds, None without a sample."""
        if not self.samples:
            return None
        rank = max(math.ceil(share * self.samples), 1)
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return float(2.0 * GAMMA**bucket / (GAMMA + 1.0))
        raise AssertionError("the buckets hold fewer samples than were counted")

    def encode(self) -> bytes:
        """Return it as the store keeps it: MessagePack of the counts and the sum."""
        return msgspec.msgpack.encode((self.counts, self.sum_ms))

    @classmethod
    def decode(cls, stored: bytes) -> "LatencySketch":
        """Decode a sketch. Raises msgspec.DecodeError for bytes that are none."""
        counts, sum_ms = msgspec.msgpack.decode(stored, type=tuple[dict[int, int], float])
        return cls(counts=counts, samples=sum(counts.values()), sum_ms=sum_ms)
