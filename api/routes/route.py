"""What all routes share: the rule that connects a path to a view, and names in paths."""

from collections.abc import Awaitable, Callable

import attrs
from quart import Response
from quart_trio import QuartTrio
from werkzeug.routing import BaseConverter


class NameConverter(BaseConverter):
    """A provider's name, url-encoded in the path: anything at all, slashes and newlines too."""

    regex = r"(?s:.+?)"
    part_isolating = False


@attrs.frozen
class Route:
    method: str
    path: str
    view: Callable[..., Awaitable[Response]]

    def add_to(self, app: QuartTrio) -> None:
        """Register the view under its own name; it answers this method and path alone."""
        app.add_url_rule(self.path, self.view.__name__, self.view, methods=[self.method])
