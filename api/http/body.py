"""Reading a request's JSON body strictly: unknown fields are refused, not ignored."""

from typing import TypeVar

import msgspec
from quart import request

from api.http.problems import Problem, bad_request
from api.http.response_cache import JSON

T = TypeVar("T")


async def read_body(shape: type[T]) -> T:
    """Return the body. Raises Problem on anything but a JSON object of the shape."""
    if request.mimetype != JSON:
        raise Problem(status=415, detail=f"send the change as {JSON}")
    try:
        return msgspec.json.decode(await request.get_data(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"invalid body: {error}") from None
