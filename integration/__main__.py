"""``python -m integration [PART …]``: all of it, or these parts. Exit code 0: no deviation.

``python -m integration.real_calls --minutes 30`` is the long form of one part,
``python -m integration.alerts [CASE …]`` and ``python -m integration.replicas`` are two alone.
"""

import argparse
import sys
import time
from collections.abc import Callable

import httpx

from integration import alerts, clients, real_calls, replicas, scenario
from integration.environments import FAKELLM, LITELLM, EnvironmentFailedError
from integration.report import BEGAN, UnexpectedError, title

# In the order in which they run.
PARTS: dict[str, Callable[[], None]] = {
    "scenario": scenario.play,
    "clients": clients.test,
    "calls": real_calls.play,
    "alerts": alerts.play,
    "replicas": replicas.play,
}
WITH_OTHERS = {"scenario", "clients", "calls"}  # third-party programs, in their environments


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m integration", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"no part is called {unknown[0]}; there are {', '.join(PARTS)}")
    try:
        if WITH_OTHERS.intersection(chosen):
            title("Environments")
            for environment in (FAKELLM, LITELLM):
                environment.prepare()
        for part in chosen:
            PARTS[part]()
    except httpx.HTTPError as error:
        sys.stderr.write(f"integration failed: the tracker did not answer: {error!r}\n")
        return 1
    except (EnvironmentFailedError, UnexpectedError) as error:
        sys.stderr.write(f"integration failed: {error}\n")
        return 1
    sys.stdout.write(f"\nall as promised, in {time.monotonic() - BEGAN:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
