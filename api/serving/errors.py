"""Why a server does not start: known also to a command line that never loads the server."""


class UnsafeBindError(ValueError):
    """A public address without an admin token."""


class CannotListenError(Exception):
    """The address cannot be served on; says why and what to do."""
