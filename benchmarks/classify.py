"""How long it takes to classify a refusal: a usual error, a dense one, and a hostile megabyte.

    python -m benchmarks.classify

Exits with 3 when a limit is missed: 0.2 ms for an error body of 4 KB, 5 ms for 1 MB of text.
"""

import json
import sys
import time
from collections.abc import Iterator

from benchmarks.table import Figure, row
from tracker.probes.classify import classify
from tracker.probes.http.response import BoundedResponse

ROUNDS = 200
USUAL_MS, HOSTILE_MS = 0.2, 5.0
MISSED = 3
MEGABYTE = 10**6

SENTENCE = (
    "Rate limit reached for model x in organization y on tokens per minute, insufficient balance "
    "of your account, key invalid. "
)
PROSE = (
    "The server understood what was asked of it and gave this long answer about something that "
    "concerns nobody, as some of them do when they fail. "
)


def bodies() -> Iterator[tuple[str, bytes, float]]:
    yield "an error of 4 KB, prose", _error(PROSE, 4000), USUAL_MS
    yield "an error of 4 KB, every word of the vocabulary", _error(SENTENCE, 4000), USUAL_MS
    yield "1 MB of words", _error(SENTENCE, MEGABYTE), HOSTILE_MS
    yield "1 MB that is no JSON", (SENTENCE * 9000).encode()[:MEGABYTE], HOSTILE_MS
    yield "1 MB of Chinese", _error("余额不足令牌无效", MEGABYTE), HOSTILE_MS
    yield "1 MB of digits and units", _error("try again in 1h1h1h1h ", MEGABYTE), HOSTILE_MS
    yield "1 MB of almost dates", _error("reset 2026-01-011-", MEGABYTE), HOSTILE_MS
    yield "1 MB of brackets", b"[" * MEGABYTE, HOSTILE_MS
    yield "a code of 1 MB", json.dumps({"error": {"code": "a" * MEGABYTE}}).encode(), HOSTILE_MS
    yield "1 MB of a page", b"<html>" + b"just a momen" * (MEGABYTE // 12), HOSTILE_MS


def _error(text: str, size: int) -> bytes:
    """Return an error body of this many bytes."""
    count = size // len(text.encode())
    error = {"error": {"message": text * count, "type": "invalid_request_error", "code": "400"}}
    return json.dumps(error, ensure_ascii=False).encode()


def measure() -> Iterator[Figure]:
    for what, body, limit in bodies():
        values = [max(_milliseconds(body, status) for status in (400, 429)) for _ in range(ROUNDS)]
        yield Figure(what, values, "ms", limit=limit, note=f"{len(body):,} bytes")


def _milliseconds(body: bytes, status: int) -> float:
    reply = BoundedResponse(status=status, body=body)
    began = time.perf_counter()
    classify(reply, completion=True)
    return (time.perf_counter() - began) * 1000.0


def main() -> int:
    figures = list(measure())
    for figure in figures:
        print(row(figure))
    return MISSED if any(figure.reached is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
