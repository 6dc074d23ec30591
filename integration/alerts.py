"""``python -m integration.alerts``: which alerts are sent about incidents, and how often.

Exit code 0 or 1. Arguments choose the parts whose names contain one of them.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx

from integration import alert_cluster
from integration.alert_causes import CAUSES
from integration.alert_processes import PROCESSES
from integration.alert_proxy import PROXIES
from integration.alert_trials import TRIALS, play_trial
from integration.fast_clock import PACKAGE, find_faketime, is_required
from integration.report import UnexpectedError, insist, say, title

AT_ONCE = 6  # processes: starting takes each two seconds of a processor


def play(words: Sequence[str] = ()) -> None:
    """Run all parts, and raise UnexpectedError at the end with all deviations.

    On a fast clock a delay of one second counts as ten, so a part that fails beside others is
    repeated alone, and this is printed.
    """
    title("Alerts of real processes, told to a webhook, a mail server and a service of apprise")
    every = find_parts()
    chosen = [name for name in every if not words or any(word in name for word in words)]
    parts = {name: every[name] for name in chosen}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(zip(parts, pool.map(partial(_play_one, parts), parts), strict=True))
    wrong = [name for name, fault in found if fault]
    if len(wrong) < len(parts):
        for name in wrong:
            say(f"retrying {name} alone")
        wrong = [fault for name in wrong if (fault := _play_one(parts, name))]
    if wrong:
        raise UnexpectedError("; ".join(wrong))
    say(f"all as promised: {len(parts)} of {len(every)} parts")


def find_parts() -> Mapping[str, Callable[[], str]]:
    """Return the parts, the longest first; those on a fast clock only where it is available."""
    library, real = find_faketime(), {"a cluster": alert_cluster.play, **PROCESSES, **PROXIES}
    if library is None:
        missing = f"libfaketime is not installed (Debian: apt-get install {PACKAGE})"
        insist(not is_required(), missing)
        say(f"only on the real clock: {missing}")
        return real
    trials = {**TRIALS, **CAUSES}
    fast = {name: partial(play_trial, trials[name], library) for name in trials}
    return {**real, **fast}


def _play_one(parts: Mapping[str, Callable[[], str]], name: str) -> str:
    """Run one part; return its deviation, or nothing."""
    began = time.monotonic()
    try:
        told = parts[name]()
    except (UnexpectedError, httpx.HTTPError, OSError) as error:
        say(f"NOT AS PROMISED: {name}: {error!r}")
        return f"{name}: {error!r}"
    say(f"{name}: {told} ({time.monotonic() - began:.0f} s)")
    return ""


def main() -> int:
    try:
        play(sys.argv[1:])
    except (UnexpectedError, httpx.HTTPError) as error:
        sys.stderr.write(f"integration failed: {error!r}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
