"""``python -m integration``: all of it. Exit code 0 when everything was as promised, else 1.

``python -m integration.real_calls --minutes 30`` is the long form of one part,
``python -m integration.alerts`` and ``python -m integration.replicas`` are its last parts alone.
"""

import sys
import time

import httpx

from integration import alerts, clients, real_calls, replicas, scenario
from integration.environments import FAKELLM, LITELLM, EnvironmentFailedError
from integration.report import BEGAN, UnexpectedError, title


def main() -> int:
    try:
        title("Environments")
        for environment in (FAKELLM, LITELLM):
            environment.prepare()
        scenario.play()
        clients.test()
        real_calls.play()
        alerts.play()
        replicas.play()
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
