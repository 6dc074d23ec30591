"""The command line, from its own help."""

from api.cli.app import make_app


def part() -> str:
    """A section a command, without the head that lists them: the page has its own."""
    app = make_app(in_full=lambda _: True)
    _, first, commands = app.generate_docs().partition("## provider-status serve")
    return first + commands.rstrip()
