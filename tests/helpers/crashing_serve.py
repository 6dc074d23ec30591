"""The command line with a bug planted in the checks, as long as a file named "bug" exists.

Crashed actors are restarted, and other trackers on the file are looked for, much sooner than usual.
tests/process/test_hard_to_hurt.py runs it.
"""

from pathlib import Path
from typing import Any

import tracker.runtime.service
import tracker.store.writer
from api.cli import main
from tracker.core.backoff import Backoff
from tracker.runtime.actor import CheckActor
from tracker.runtime.supervisor import Supervisor

LONGEST_SECONDS = 3.0
BUG = Path("bug")
probe = CheckActor.probe


async def crash_while_there_is_a_bug(self: CheckActor, *rest: Any) -> Any:
    if BUG.exists():
        BUG.write_text(BUG.read_text() + ".")  # one for each attempt
        raise TypeError("unhashable type: 'list'")
    return await probe(self, *rest)


def supervise_impatiently(*parts: Any) -> Supervisor:
    return Supervisor(*parts[:3], Backoff(first=0.05, longest=LONGEST_SECONDS))


if __name__ == "__main__":
    CheckActor.probe = crash_while_there_is_a_bug
    vars(tracker.runtime.service)["Supervisor"] = supervise_impatiently
    vars(tracker.store.writer)["BEAT_SECONDS"] = 0.2
    main()
