"""The size limit of request bodies, with exceptions for a few paths."""

from collections.abc import Mapping
from typing import Any, TypeVar

from quart import Request

R = TypeVar("R", bound=Request)


def sized_requests(base: type[R], limits: Mapping[str, int]) -> type[R]:
    """Return a request class that takes ``limits`` bytes at these paths.

    Quart reads its limit once, while the request is made: before a view could raise it.
    """

    class SizedRequest(base):  # type: ignore[valid-type, misc]
        def __init__(self, method: str, scheme: str, path: str, *args: Any, **options: Any) -> None:
            if path in limits:
                options["max_content_length"] = limits[path]
            super().__init__(method, scheme, path, *args, **options)

    return SizedRequest
