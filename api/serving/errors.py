"""Errors at the server's start, in a module that the command line can import cheaply."""


class UnsafeBindError(ValueError):
    """A public address without an admin token."""


class CannotListenError(Exception):
    """The server cannot listen on the address; the text says why and what to do."""
