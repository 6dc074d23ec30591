"""The command line, whose event loop is timed: ``serve`` writes how late it was, and when.

How late a wait of five milliseconds ended is lengthened by other programs on the machine, so what
counts is how much of it was ours: the processor's time of the loop's thread, and for how long it
was kept from the interpreter by other threads of ours. Those may work beside the loop as long as
they like.
"""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, process_time, thread_time
from typing import Any

import attrs
import trio

from api.cli import main

STEP = 0.005  # seconds
VARIABLE = "LOOP_LAG_FILE"
run = trio.run


def processor_waited() -> float:
    """Return the seconds for which our threads, added up, were ready and had no processor.

    0.0 where the system does not tell: then waiting for one passes for waiting for our threads.
    """
    waited = 0
    for file in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError, IndexError):  # a thread that ended meanwhile
            waited += int(file.read_text().split()[1])
    return waited / 1e9


@attrs.frozen
class Reading:
    """What the clocks say at one moment, in seconds."""

    now: float
    thread: float
    process: float
    waited: float

    @classmethod
    def before_step(cls) -> "Reading":
        """Read the files first: each gives the interpreter away, and that must not count."""
        waited, process, thread = processor_waited(), process_time(), thread_time()
        return cls(monotonic(), thread, process, waited)

    @classmethod
    def after_step(cls) -> "Reading":
        """Read the files last, for the same reason."""
        now, thread, process = monotonic(), thread_time(), process_time()
        return cls(now, thread, process, processor_waited())

    def late_since(self, before: "Reading") -> float:
        """Return by how much a step that began then is late by our own doing.

        Without others' programs that is exact; beside them it may be too little, where a thread
        of ours waited for a processor while another one held the interpreter.
        """
        late = self.now - before.now - STEP
        own = self.thread - before.thread
        others = self.process - before.process - own
        waited = max(0.0, self.waited - before.waited)  # a thread that ended takes its share along
        kept_out = late - own - waited
        return min(late, own + max(0.0, min(kept_out, others)))


async def watch() -> None:
    """Write whenever the loop was late, until cancelled."""
    with Path(os.environ[VARIABLE]).open("a", buffering=1) as file:  # noqa: ASYNC230
        while True:
            before = Reading.before_step()
            await trio.sleep(STEP)
            late = Reading.after_step().late_since(before)
            if late > STEP:
                file.write(f"{late * 1000.0:.1f}\n")


def run_timed(program: Callable[..., Awaitable[Any]], *words: Any, **named: Any) -> Any:
    """Run like ``trio.run``, and watch."""

    async def timed() -> Any:
        # Not by an instrument before the run: such a task has no nursery and may be collected.
        trio.lowlevel.spawn_system_task(watch, name="loop timer")
        return await program(*words)

    return run(timed, **named)


if __name__ == "__main__":
    vars(trio)["run"] = run_timed
    main()
