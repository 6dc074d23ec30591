"""One HTTP answer, limited in size, and its JSON parsed safely."""

import math
import re
from enum import Enum
from functools import cached_property
from typing import Final

import attrs
import msgspec

BOM = b"\xef\xbb\xbf"
# Commas and opening brackets in a body: OpenRouter's model list has about 30,000. A value takes up
# to a quarter of a microsecond, so more of them would block the event loop.
MOST_VALUES = 120_000
MOST_ESCAPES = 40_000  # searched for lone surrogates: some 20 ms
# A whole pair, a lone half (group 1), or any other escape.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
# A body with more values is not searched for numbers beyond all bounds: 10 ms.
MOST_SEARCHED = 40_000
MOST_ODD = 1_000  # such numbers, and whatever is no JSON
LONGEST_NUMBER = 300  # digits; a float's are seventeen
# A stretch with none (group 1): texts, numbers that a float can hold, and what is between. Or one.
_NUMBERS = re.compile(
    rb"""((?:[^"NI0-9-]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)
    |-?+[0-9]{1,300}+(?:\.[0-9]{1,300}+)?+(?:[eE][+-]?+[0-9]{1,2}+)?+(?![0-9.eE]))++)
    |-?+(?:NaN|Infinity)|-?+[0-9][0-9.]*+(?:[eE][+-]?+[0-9]++)?+|.""",
    re.DOTALL | re.VERBOSE,
)


class InvalidJson(Enum):
    """Marks a body that is not JSON; JSON's null is None."""

    UNPARSEABLE = "unparseable"


UNPARSEABLE: Final = InvalidJson.UNPARSEABLE


def parse_json(body: bytes) -> object | InvalidJson:
    """Parse a body into a JSON value or UNPARSEABLE. Total: any bytes give one of the two.

    Refuses what is meant to hurt (200,000 brackets, more than MOST_VALUES). A text that was cut in
    the middle of a character spoils only that character, which is U+FFFD then. A number that none
    can hold (5,000 digits, 1e400, NaN) is null. A caller bounds the size: 4 MiB take some 20 ms.
    """
    if len(body) > MOST_VALUES and _values(body) > MOST_VALUES:
        return UNPARSEABLE
    body = body.removeprefix(BOM)
    value = _decode(body)
    if value is UNPARSEABLE and (whole := _bounded(_complete(body))) != body:
        value = _decode(whole)
    return value


def _values(body: bytes) -> int:
    return sum(map(body.count, (b",", b"[", b"{")))


def _decode(body: bytes) -> object | InvalidJson:
    try:
        value: object = _DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return UNPARSEABLE
    return value


def _complete(body: bytes) -> bytes:
    """Replace halves of characters: bytes that are no UTF-8, and lone surrogates in escapes."""
    if body.count(b"\\") <= MOST_ESCAPES:
        body = _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], body)
    return body.decode(errors="replace").encode()


def _bounded(body: bytes) -> bytes:
    """Replace numbers that none can hold by null."""
    if _values(body) > MOST_SEARCHED:
        return body
    pieces: list[bytes] = []
    for found in _NUMBERS.finditer(body):
        if len(pieces) > 2 * MOST_ODD:
            return body
        pieces.append(found[0] if found[1] or _is_bounded(found[0]) else b"null")
    return b"".join(pieces)


def _is_bounded(number: bytes) -> bool:
    """Return whether it is a number that a float can hold, or none at all."""
    try:
        return len(number) <= LONGEST_NUMBER and math.isfinite(float(number))
    except ValueError:
        return True


def _read_float(digits: str) -> float:
    """Read as Python does: msgspec takes thirty times as long for 1e300. Raises ValueError."""
    value = float(digits)
    if math.isinf(value):
        raise ValueError("a number too large for a float")
    return value


_DECODER = msgspec.json.Decoder(float_hook=_read_float)


@attrs.frozen(kw_only=True, slots=False)  # cached_property does not work with slots
class BoundedResponse:
    """One HTTP answer.

    headers: pairs, names in lower case, duplicates kept. seconds: from sending to the last byte
    read. stamped: the kernel stamped that arrival, so delays of our event loop are not included.
    untimed: why ``seconds`` are not the provider's, "" where they are. cut: there was more than we
    read. arrivals: (bytes so far, seconds) at each piece of the body, where requested.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = attrs.field(default=b"", repr=False)
    seconds: float = 0.0
    stamped: bool | None = None
    untimed: str = ""
    cut: bool = False
    arrivals: tuple[tuple[int, float], ...] = attrs.field(default=(), repr=False)

    @cached_property
    def json(self) -> object | InvalidJson:
        """Return the parsed body, or an InvalidJson that says why it is none."""
        return parse_json(self.body)

    def header(self, name: str) -> str:
        """Return the first header of this lower-case name, or an empty text."""
        for key, value in self.headers:  # asked a dozen times a check: a generator takes twice
            if key == name:
                return value
        return ""

    def all_of(self, name: str) -> list[str]:
        """Return every header of this lower-case name."""
        return [value for key, value in self.headers if key == name]

    @property
    def is_success(self) -> bool:
        """Return whether its status says that it is an answer."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """Return the beginning of the body, for people: undecodable bytes replaced."""
        return self.body[:8192].decode(errors="replace")

    @property
    def is_html(self) -> bool:
        """Return whether its type or its first bytes say that it is a web page."""
        kind = self.header("content-type").partition(";")[0].strip().lower()
        start = self.body[:64].lstrip(BOM + b" \t\r\n").lower()
        return kind in HTML_TYPES or start.startswith((b"<!doctype", b"<html"))


HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
