"""Hundreds of changes while those who write them down are killed: each event exists once."""

import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import httpx

from benchmarks.replicas import PROVIDERS, hub_server, until
from tests.helpers.command_line import Served, serving
from tests.helpers.postgres import PostgresServer
from tests.process.test_cluster import Models, running

LEASE = 2.0
KEY = "key-0123456789"
NAMES = [f"p{n}" for n in range(PROVIDERS)]
SETTINGS = f"""
[tracker]
discover = false
interval_seconds = 3
timeout_seconds = 3
recheck_seconds = [0.5]
failures_to_down = 1
successes_to_recover = 1
degraded_latency_ms = 60000
[cluster]
vantage = "eu-1"
lease_seconds = {LEASE}
"""


@attrs.define(eq=False)
class Pair:
    """Two trackers; the providers flip between well and broken."""

    stack: ExitStack
    folder: Path
    server: PostgresServer
    url: str
    models: Models
    running: dict[str, Served] = attrs.field(factory=dict)

    def start(self, name: str) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        tables = [
            f'[providers.{each}]\nkind = "openai"\nbase_url = "{self.models.url}/{each}/v1"\n'
            'api_key_env = "KEY"\n'
            for each in NAMES
        ]
        (folder / "tracker.toml").write_text(SETTINGS + "".join(tables))
        self.running[name] = self.stack.enter_context(
            serving(folder, PROVIDER_STATUS_POSTGRES=self.url, KEY=KEY)
        )

    def herald(self) -> str | None:
        """The name of who writes the events down; None while nobody, or more than one, says so."""
        found = [
            name
            for name, each in self.running.items()
            if httpx.get(f"{each.url}/api/cluster", timeout=30.0).json()["herald"]
        ]
        return found[0] if len(found) == 1 else None

    def follows(self) -> bool:
        """Return whether the hub says of every provider what is so."""
        found = self.ask(
            "SELECT p.name, v.status FROM provider_status.verdicts v "
            "JOIN provider_status.providers p ON p.id = v.provider"
        )
        broken = {name for name, _ in self.models.broken}
        return dict(found) == {n: "down" if n in broken else "healthy" for n in NAMES}

    def flip(self) -> None:
        """Break who is well, and the other way round; half of them are well at any time."""
        broken = {name for name, _ in self.models.broken}
        self.models.broken = {(name, KEY) for name in NAMES if name not in broken}

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.server.execute(sql, "events")


def events(quick: bool) -> None:
    """Flip all providers; kill or freeze the herald, and kill PostgreSQL, in between."""
    rounds = 6 if quick else 25
    draw = random.Random(16)
    done: list[tuple[str, str]] = []
    with (
        hub_server("events", fsync=False) as (server, url),
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as stack,
    ):
        models = stack.enter_context(running(Models()))
        pair = Pair(stack, Path(folder), server, url, models)
        models.broken = {(name, KEY) for name in NAMES[::2]}
        pair.start("a")
        pair.start("b")
        until(pair.follows)
        for number in range(rounds):
            until(lambda: pair.herald() is not None)
            herald = pair.herald() or "a"
            process = pair.running[herald].process
            pair.flip()
            time.sleep(draw.uniform(0.0, 1.5))
            fault = ("kill -9", "freeze", "kill -9", "server killed", "nothing")[number % 5]
            done.append((fault, f"{herald} at {datetime.now(UTC).time()}"))
            if fault == "kill -9":
                process.kill()
                pair.running.pop(herald)
                until(pair.follows)
                pair.start(herald)
            elif fault == "freeze":
                process.send_signal(signal.SIGSTOP)
                until(pair.follows)
                process.send_signal(signal.SIGCONT)
            elif fault == "server killed":
                server.stop(signal.SIGKILL)
                server.start()
            until(pair.follows)
        _report(pair, done)


Event = tuple[int, str | None, str, str]  # the version; before; after; when


def _report(pair: Pair, done: Sequence[tuple[str, str]]) -> None:
    """done: what was done to whom, and when, in order."""
    told = pair.ask(
        "SELECT key, value_before, value_after, at::time::text FROM provider_status.events "
        "WHERE kind = 'status'"
    )
    chains = {name: _chain(name, told) for name in NAMES}
    bad = [name for name, chain in chains.items() if not _is_whole(chain, len(done))]
    versions = dict(
        pair.ask(
            "SELECT p.name, v.version FROM provider_status.verdicts v "
            "JOIN provider_status.providers p ON p.id = v.provider"
        )
    )
    late = pair.ask(
        "SELECT count(*) FROM provider_status.checks WHERE outcome NOT IN ('ok', 'server')"
    )[0][0]
    faults = ", ".join(f"{n} × {what}" for what, n in Counter(what for what, _ in done).items())
    print(
        f"events: {len(done) * len(NAMES)} changes in {len(done)} rounds ({faults}): "
        f"{len(told) - len(NAMES)} events, each once and in order for {len(NAMES) - len(bad)} of "
        f"{len(NAMES)} providers; {late} checks told something else, as on a busy machine",
        flush=True,
    )
    for name in bad:
        print(f"events: {name}: {chains[name]}")
    assert not bad, done
    assert versions == {name: len(chain) for name, chain in chains.items()}


def _chain(name: str, told: list[tuple[Any, ...]]) -> list[Event]:
    """A provider's events by their version."""
    mine = [(str(key).rpartition(":"), *more) for key, *more in told]
    return sorted((int(version), *more) for (who, _, version), *more in mine if who == name)


def _is_whole(chain: list[Event], rounds: int) -> bool:
    """Return whether each change made one event, after the first sight of the provider."""
    return [version for version, *_ in chain] == list(range(1, rounds + 2)) and all(
        one[2] == two[1] != two[2] for one, two in pairwise(chain)
    )
