"""The command line, whose event loop is timed: ``serve`` writes how late it was, and when.

What counts is the smaller of two: how late a wait of five milliseconds ended, and how much of the
processor's time this whole process took meanwhile. Other programs lengthen the first, and threads
of ours that work beside the loop the second; a turn of a task, or a thread that holds the
interpreter, lengthens both.
"""

import os
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import trio

from api.cli import main

STEP = 0.005  # seconds
VARIABLE = "LOOP_LAG_FILE"
run = trio.run


class LoopTimer(trio.abc.Instrument):
    def before_run(self) -> None:
        trio.lowlevel.spawn_system_task(self._watch, name="loop timer")

    async def _watch(self) -> None:
        with Path(os.environ[VARIABLE]).open("a", buffering=1) as file:  # noqa: ASYNC230
            while True:
                due, before = monotonic() + STEP, process_time()
                await trio.sleep(STEP)
                late, ours = monotonic() - due, process_time() - before
                if min(late, ours) > STEP:
                    file.write(f"{min(late, ours) * 1000.0:.1f}\n")


def run_timed(*words: Any, **named: Any) -> Any:
    return run(*words, instruments=[LoopTimer()], **named)


if __name__ == "__main__":
    vars(trio)["run"] = run_timed
    main()
