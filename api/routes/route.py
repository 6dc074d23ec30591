"""What all routes share: the rule that connects a path to a view, and names in paths."""

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import attrs
from quart import Response
from quart.routing import QuartRule
from quart_trio import QuartTrio
from werkzeug.routing import BaseConverter


class NameConverter(BaseConverter):
    """A provider's name, url-encoded in the path: anything at all, slashes and newlines too."""

    regex = r"(?s:.+?)"
    part_isolating = False


def build_no_url(*_: Any, **__: Any) -> NoReturn:
    raise NotImplementedError("our rules match paths; nobody asks for the URL of a view")


class MatchingRule(QuartRule):
    """A rule without werkzeug's code for URLs of views: compiling it was most of an app's start."""

    def _compile_builder(
        self,
        append_unknown: bool = True,  # noqa: ARG002 (werkzeug's)
    ) -> Callable[..., tuple[str, str]]:
        return build_no_url


@attrs.frozen
class Route:
    method: str
    path: str
    view: Callable[..., Awaitable[Response]]

    def add_to(self, app: QuartTrio) -> None:
        """Register the view under its own name; it answers this method and path alone."""
        app.add_url_rule(self.path, self.view.__name__, self.view, methods=[self.method])
