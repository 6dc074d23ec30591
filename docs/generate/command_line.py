"""The command line, from its own help."""

from api.cli.app import app


def part() -> str:
    """A section a command, without the head that lists them: the page has its own."""
    _, first, commands = app.generate_docs().partition("## provider-status serve")
    return first + commands.rstrip()
