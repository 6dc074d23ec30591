"""The command ``provider-status``."""

import gc
import sys

from tracker.core.extras import explain_missing

USAGE = 2  # equals ExitCode.USAGE, which cannot be imported without the tracker installed
# Importing the server makes 190,000 objects that stay. Python's default of 700 looks at them again
# and again meanwhile: a fifth of the CPU of a start. `serve` has settings of its own later.
YOUNG_OBJECTS = 200_000


def main() -> None:
    """Run the command line and exit; say which extra to install where the server's is absent."""
    gc.set_threshold(YOUNG_OBJECTS)
    try:
        from api.cli.app import make_app  # noqa: PLC0415 (these are missing beside the client alone)
        from api.cli.errors import exit_code_of  # noqa: PLC0415
    except ModuleNotFoundError as error:
        told = explain_missing(error)
        if told is None:
            raise
        print(told, file=sys.stderr)  # noqa: T201 (a command's own words)
        sys.exit(USAGE)
    sys.exit(exit_code_of(make_app(in_full=lambda name: name in sys.argv[1:2])))
