"""The command ``provider-status``."""

import sys

from api.cli.app import app
from api.cli.errors import exit_code_of


def main() -> None:
    sys.exit(exit_code_of(app))
