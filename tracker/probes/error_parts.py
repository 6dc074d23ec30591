"""Extracting codes and texts from an error body, wherever vendors put them. Total, bounded."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

CODE_LENGTH = 100  # a longer "code" is not one, and may contain anything
STATUS = range(400, 600)
DEPTH = 4  # errors inside errors; a gateway behind a gateway has three
LARGEST_CODE = 10**9
TEXTS = 3  # an error's text and those of the errors inside it
PARTS = 48  # objects read in one body; real errors have under ten
FIELDS = 32  # fields read of one object

# Fields with codes, from the most specific to the vaguest.
CODE_NAMES = (
    *("reason", "error_type", "error_code", "errorcode", "err_code", "reasoncode", "error_name"),
    *("status_code", "statuscode", "code", "type", "status", "error", "http_code"),
)
TEXT_NAMES = (
    *("message", "detail", "msg", "error_msg", "status_msg", "error_message", "error"),
    *("errormessage", "title", "description", "err_msg", "raw"),
)
# Fields that may contain an error, or another part of one.
HOLDERS = frozenset(
    (
        *("error", "errors", "detail", "details", "message", "metadata", "base_resp", "cause"),
        *("innererror", "inner_error", "header", "response", "result", "data", "body", "delta"),
    )
)
# A number in these fields means something different from the same number elsewhere.
PLACED = {"errors": "errors[].", "base_resp": "base_resp."}

Part = tuple[str, Mapping[str, Any]]


def walk_parts(error: Mapping[str, Any]) -> Iterator[Part]:
    """Return the error and what it holds, each with the name it stands under, outermost first."""
    level: list[Part] = [("", error)]
    left = PARTS
    for _ in range(DEPTH):
        deeper: list[Part] = []
        for place, part in level[:left]:
            yield place, part
            deeper.extend(islice(_yield_parts(part), PARTS))
        left -= len(level)
        level = deeper
        if left <= 0:
            return


def _yield_parts(part: Mapping[str, Any]) -> Iterator[Part]:
    for name, value in islice(part.items(), FIELDS):
        place = name.lower() if len(name) <= CODE_LENGTH else ""
        if place in HOLDERS:
            for one in value[:8] if isinstance(value, list) else (value,):
                if isinstance(one, dict):
                    yield place, one
                elif isinstance(one, str) and isinstance(value, list):
                    yield place, {"message": one}


def read_codes(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """Return every code, those of the more telling names first, each once."""
    named = [(place, name, value) for place, part in parts for name, value in lower_fields(part)]
    found = (
        code
        for wanted in CODE_NAMES
        for place, name, value in named
        if name == wanted
        for code in _code(place, name, value)
    )
    return tuple(dict.fromkeys(found))


def lower_fields(part: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Lower the case of field names: gateways in C# and Java begin them with capitals."""
    for name, value in islice(part.items(), FIELDS):
        if len(name) <= CODE_LENGTH:
            yield name.lower(), value


def _code(place: str, name: str, value: object) -> Iterator[str]:
    if not isinstance(value, int | str) or isinstance(value, bool):
        return
    code = value.strip() if isinstance(value, str) else _number(value)
    if not 0 < len(code) <= CODE_LENGTH:
        return
    if code.isdigit() and place in PLACED and not is_status(code):
        yield PLACED[place] + code
        return
    if code.isdigit() and name == "error_code":
        yield f"error_code.{code}"
    yield code


def _number(value: int) -> str:
    """Return a number as text, empty for one too long for a code: Python prints no 5,000 digits."""
    return str(value) if abs(value) < LARGEST_CODE else ""


def read_text(parts: tuple[Part, ...]) -> str:
    """Return what the outer error says, then what those inside say.

    A gateway's words, the vendor's.
    """
    return ". ".join(islice(dict.fromkeys(filter(None, map(_find_text, parts))), TEXTS))


def _find_text(part: Part) -> str:
    fields = dict(lower_fields(part[1]))
    told = (fields.get(name) for name in TEXT_NAMES)
    return next((text.strip() for text in told if isinstance(text, str) and text.strip()), "")


def is_status(code: str) -> bool:
    """Return whether a provider's error code is an HTTP status in digits."""
    return len(code) == 3 and code.isascii() and code.isdigit() and int(code) in STATUS
