"""Simulated providers with random moods, in a process of their own, which count what they did.

Prints ``{"name", "base_url"}`` a line, then works until its standard input ends; the last line
says what the tracker should have concluded, by kind, and how often two checks overlapped.
"""

import argparse
import json
import random
import sys
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import attrs
import trio

from tracker.testing import ProviderBehavior, SimulatedProvider
from tracker.testing.many_providers import raise_file_limit
from tracker.testing.wire import Request, Wire

# Mostly well; every mood a provider can have comes up.
MOODS = (ProviderBehavior.OK,) * 24 + tuple(ProviderBehavior)
LATENCY_MS, SLOW_MS = 5.0, 600.0
MOOD_SECONDS = (3.0, 30.0)


@attrs.define(eq=False)
class Tally:
    expected: Counter[str] = attrs.field(factory=Counter)
    overlaps: int = 0
    mood_changes: int = 0


@attrs.define(eq=False, kw_only=True)
class Counting(SimulatedProvider):
    """``busy``: the connections whose requests it is answering."""

    tally: Tally
    busy: set[trio.SocketStream] = attrs.field(factory=set)

    async def _answer(self, request: Request, wire: Wire) -> None:
        assert isinstance(wire.stream, trio.SocketStream)
        self.tally.overlaps += any(map(stands, self.busy))
        self.tally.expected[self.mood.expected.value] += 1
        self.busy.add(wire.stream)
        try:
            await super()._answer(request, wire)
        finally:
            self.busy.discard(wire.stream)
            self.received.clear()


def stands(stream: trio.SocketStream) -> bool:
    """Whether the client has not left, as it does when its time is over; we may not know yet."""
    return stream.socket.fileno() >= 0 and not stream.socket.is_readable()


async def change_moods(provider: Counting, dice: random.Random) -> None:
    while True:
        await trio.sleep(dice.uniform(*MOOD_SECONDS))
        provider.mood = dice.choice(MOODS)
        provider.tally.mood_changes += 1


async def run(count: int, seed: int) -> None:
    dice, tally = random.Random(seed), Tally()
    async with AsyncExitStack(), trio.open_nursery() as nursery:
        for number in range(count):
            provider = Counting(
                name=f"p{number:03}",
                latency_ms=LATENCY_MS,
                slow_ms=SLOW_MS,
                spread=0.1,
                retry_after=1.0,
                seed=seed,
                tally=tally,
            )
            await nursery.start(provider.serve)
            nursery.start_soon(change_moods, provider, random.Random(dice.random()))
            say({"name": provider.name, "base_url": provider.base_url})
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        say(attrs.asdict(tally))
        nursery.cancel_scope.cancel()


def say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    raise_file_limit()
    trio.run(run, given.count, given.seed)
