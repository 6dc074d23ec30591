"""``python -m integration.alerts``: who is told of incidents, and how often. Exit code 0 or 1."""

import sys

import httpx

from integration import alert_processes, alert_trials
from integration.report import UnexpectedError, title


def play() -> None:
    """Raises UnexpectedError at the first thing that is not as promised."""
    title("Alerts on virtual time, told to a webhook, a mail server and a service of apprise")
    alert_trials.play_all()
    title("Alerts of a process that is killed and restarted")
    alert_processes.play()


def main() -> int:
    try:
        play()
    except (UnexpectedError, httpx.HTTPError) as error:
        sys.stderr.write(f"integration failed: {error!r}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
