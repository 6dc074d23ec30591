"""What a transport asks of a connection to a provider, be it direct or through a proxy."""

from typing import Protocol

from tracker.probes.http.headers import Headers
from tracker.probes.http.prepared_request import PreparedRequest


class Answer(Protocol):
    """The head of an answer, and its body as it arrives. headers: names in lower case."""

    @property
    def status(self) -> int:
        """Return its status code."""
        ...

    @property
    def headers(self) -> Headers:
        """Return its headers, duplicates kept."""
        ...

    async def next_piece(self) -> bytes:
        """Read the next piece of the body, b"" at its end. Raises httpcore's errors."""
        ...

    async def hang_up(self) -> None:
        """Close the connection under it: nothing that follows is read."""
        ...

    async def aclose(self) -> None:
        """End the exchange; its connection is kept where the whole answer was read."""
        ...


class Connection(Protocol):
    """A connection to one origin. One exchange at a time."""

    async def ask(self, request: PreparedRequest) -> Answer:
        """Send a request and read the head of its answer. Raises httpcore's errors."""
        ...

    def is_idle(self) -> bool:
        """Return whether its last exchange is over and left it open."""
        ...

    def is_reusable(self) -> bool:
        """Return whether another request may be sent over it now."""
        ...

    async def aclose(self) -> None:
        """Close the connection now."""
        ...
