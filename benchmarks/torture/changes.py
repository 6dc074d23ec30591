"""PATCH and kill -9: what was answered 200 is in the file, and 202 says that it is not stored yet.

One client changes a provider's interval over and over; now and then another process holds the
database's lock. After the kill the file is read, and the next tracker must go on with that.
"""

import random
import sqlite3
import tempfile
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path

import attrs
import httpx
import trio

from benchmarks.torture.damage import Place, locked
from benchmarks.torture.forking import Forge, forge
from benchmarks.torture.report import Outcome
from benchmarks.torture.served import TOKEN, write_config
from tracker.testing import simulated_provider

NAME = "a"
FIRST_INTERVAL = 1_000  # seconds; each change asks for one second more
LONGEST_LIFE = 0.6  # seconds from the first change to the kill
LONGEST_LOCK = 3.5  # seconds: a change is waited for two
LOCKED = 4  # each fourth round
PATH = f"/api/providers/{NAME}"
STORED = "SELECT interval_seconds FROM overrides WHERE provider_name = ?"


@attrs.define
class Answers:
    """The intervals that were asked for, by how it was answered."""

    asked: int = FIRST_INTERVAL
    stored: int = 0  # the last one that was answered 200
    counts: dict[int, int] = attrs.field(factory=lambda: {200: 0, 202: 0})
    wrong: list[str] = attrs.field(factory=list)

    def take(self, wanted: int, answer: httpx.Response) -> None:
        self.counts[answer.status_code] = self.counts.get(answer.status_code, 0) + 1
        told = "not stored yet" in answer.headers.get("Warning", "")
        if answer.status_code == 200:
            self.stored = wanted
        if told is not (answer.status_code == 202):
            self.wrong.append(f"{answer.status_code} and {'not stored yet' if told else 'no word'}")
        if answer.json().get("interval_seconds") != wanted:
            self.wrong.append(f"{wanted} asked, {answer.text[:200]}")


async def changes_answered(rounds: int, seed: int = 1) -> Outcome:
    dice, answers, lost, kept = random.Random(seed), Answers(), 0, 0
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        provider = await stack.enter_async_context(simulated_provider(NAME, latency_ms=1.0))
        forks = await stack.enter_async_context(forge(home))
        file = write_config(home, {NAME: provider.base_url}, tracker="interval_seconds = 0.2\n")
        for number in range(rounds):
            await _round(home, file, forks, answers, dice, is_locked=number % LOCKED == LOCKED - 1)
            found = _stored(home / "status.db")
            # One that was not answered may be there: it was killed between commit and answer.
            lost += found < answers.stored
            kept += found > answers.stored
    figures = {
        "rounds": rounds,
        "answered 200": answers.counts[200],
        "answered 202": answers.counts[202],
        "answered 200 and lost": lost,
        "stored before it was answered": kept,
        "seed": seed,
    }
    wrong = [f"{lost} answered 200 and lost"] if lost else []
    other = sorted(answers.counts.keys() - {200, 202})
    wrong += [f"answered {other}"] if other else []
    return Outcome(figures, (*wrong, *answers.wrong))


async def _round(
    home: Path, file: Path, forks: Forge, answers: Answers, dice: random.Random, *, is_locked: bool
) -> None:
    database = home / "status.db"
    url = await forks.start(
        "--config", str(file), "--database", str(database), "--log-level", "error"
    )
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10.0, trust_env=False
    ) as client:
        goes_on = (await client.get(f"/api/providers/status/{NAME}")).json()["interval_seconds"]
        if answers.stored and goes_on < answers.stored:
            answers.wrong.append(f"{answers.stored} stored, and {goes_on} after the next start")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_change, client, answers)
            with trio.move_on_after(5.0):
                before = answers.counts[200]
                while answers.counts[200] == before:  # noqa: ASYNC110 (a condition without event)
                    await trio.sleep(0.001)
            if is_locked:
                async with locked(Place(home)):
                    await trio.sleep(dice.uniform(2.5, LONGEST_LOCK))
                    await forks.kill()
            else:
                await trio.sleep(dice.uniform(0.0, LONGEST_LIFE))
                await forks.kill()
            nursery.cancel_scope.cancel()


async def _change(client: httpx.AsyncClient, answers: Answers) -> None:
    with suppress(httpx.HTTPError):  # it was killed
        while True:
            answers.asked += 1
            wanted = answers.asked
            answers.take(wanted, await client.patch(PATH, json={"interval_seconds": wanted}))


def _stored(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        row = connection.execute(STORED, (NAME,)).fetchone()
    return 0 if row is None else int(row[0])
