"""Reading query parameters strictly: unknown ones are refused, not ignored.

A router that misspells ``exclude`` must not get the provider it wanted to avoid.
"""

import re
from collections.abc import Container, Mapping, Sequence
from difflib import get_close_matches
from urllib.parse import parse_qsl

from quart import request

from api.http.problems import bad_request

Given = Mapping[str, Sequence[str]]
WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
SHOWN = 40  # characters of a bad value that an error repeats


def query(*known: str) -> Given:
    """Return the request's parameters. Raises Problem on one that is not ``known``."""
    return parse_query(request.query_string, *known)


def parse_query(query_string: bytes, *known: str) -> Given:
    """Return parameters of a query, as any of werkzeug's requests reads them. Raises Problem."""
    if not query_string:
        return {}
    pairs = parse_qsl(query_string.decode(), keep_blank_values=True, errors="werkzeug.url_quote")
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    for name in given:
        if name not in known:
            raise bad_request(_unknown(name, known))
    return given


def single(given: Given, name: str) -> str | None:
    """Return the only value of a parameter. Raises Problem where it is given twice."""
    values = given.get(name, ())
    if len(values) > 1:
        raise bad_request(f"{name} is given {len(values)} times; give it once")
    return values[0] if values else None


def whole_number(given: Given, name: str, *, default: int, least: int, most: int) -> int:
    """Read a whole number of the query, ``least``..``most``; the default where it is not given."""
    text = single(given, name)
    return default if text is None else parse_whole(name, text, least=least, most=most)


def parse_whole(name: str, text: str, *, least: int, most: int, beside: str = "") -> int:
    """Parse a whole number. ``beside``: what else is allowed, for the error. Raises Problem."""
    if WHOLE_NUMBER.fullmatch(text) and least <= (value := int(text)) <= most:
        return value
    wanted = f"{beside}a whole number from {least} to {most}"
    raise bad_request(f"{name} must be {wanted}, got {text[:SHOWN]!r}")


def choice(given: Given, name: str, choices: Sequence[str]) -> str:
    """Return one of ``choices``, the first where none is given."""
    text = single(given, name)
    if text is None:
        return choices[0]
    if text not in choices:
        raise bad_request(f"{name} must be one of {', '.join(choices)}, got {text[:SHOWN]!r}")
    return text


def names(given: Given, name: str, known: Container[str]) -> frozenset[str] | None:
    """Return names separated by commas; blanks around one stay only if a ``known`` name has them.

    None where the parameter is absent. May be repeated, for names that hold a comma.
    """
    if name not in given:
        return None
    found: set[str] = set()
    for value in given[name]:
        listed = [value] if value in known else value.split(",")
        found.update(one if one in known else one.strip() for one in listed)
    return frozenset(found - {""})


def _unknown(name: str, known: Sequence[str]) -> str:
    shown = name[:SHOWN]
    if not known:
        return f"this path takes no parameters, got {shown!r}"
    near = get_close_matches(shown, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
    return f"unknown parameter {shown!r}; {hint}"
