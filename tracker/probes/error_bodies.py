"""The error inside an answer, out of the places where vendors put it. Pure, total, bounded."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import attrs

from tracker.probes.google_errors import first, mapping, quota_window, spends_nothing, violations
from tracker.probes.http.response import BoundedResponse

LENGTH = 2000  # characters of a text looked at for phrases
CODE_LENGTH = 100  # a longer "code" is none, and may hold anything
STATUS = range(400, 600)
DEPTH = 4  # errors inside errors; a gateway behind a gateway has three
LARGEST_CODE = 10**9
TEXTS = 3  # an error's own text and those of the errors inside it
PARTS = 48  # objects looked at in one body; real errors have under ten
FIELDS = 32  # of one object

# Where codes stand, from the most telling to the vaguest.
CODE_NAMES = (
    *("reason", "error_type", "error_code", "errorcode", "err_code", "reasoncode"),
    *("status_code", "statuscode", "code", "type", "status", "error", "http_code"),
)
TEXT_NAMES = (
    *("message", "detail", "msg", "error_msg", "status_msg", "error_message", "error"),
    *("errormessage", "title", "description", "err_msg", "raw"),
)
# What may hold an error, or another part of one.
HOLDERS = frozenset(
    (
        *("error", "errors", "detail", "details", "message", "metadata", "base_resp", "cause"),
        *("innererror", "inner_error", "header", "response", "result", "data", "body", "delta"),
    )
)
# A number there has a meaning of its own, not that of the same number elsewhere.
PLACED = {"errors": "errors[].", "base_resp": "base_resp."}
# A success has one of these; an error at the top level has none with something in it.
ANSWERS = (
    *("choices", "data", "content", "candidates", "models", "result", "results", "output"),
    *("message_id", "usage"),
)
FAILING_NAMES = ("code", "error_code", "errorcode", "status_code", "statuscode")
FINE = frozenset({"0", "200", "ok", "success", "succeeded", "completed", "true"})


@attrs.frozen(kw_only=True)
class ErrorBody:
    """failed: the body says that the request failed. status: the HTTP status it names inside.

    codes: its words as told, most telling first. text: its message for people. plain: text and
    codes in lower case. spent: what the quotas that it names as violated are for (Google): day,
    minute. nothing: one of them is 0, so that waiting cannot help. parameter: what the error
    blames (``param``).
    """

    failed: bool = False
    status: int | None = None
    codes: tuple[str, ...] = ()
    text: str = ""
    plain: str = ""
    spent: frozenset[str] = frozenset()
    nothing: bool = False
    parameter: str = ""


def read_error(reply: BoundedResponse) -> ErrorBody:
    """The error a body tells of; for a failed status without JSON, its beginning as text."""
    body = first(reply.json)
    error = error_of(body)
    if reply.status < 400 and not error:
        return ErrorBody()
    parts = tuple(_parts(error if reply.status < 400 else {"error": error, **mapping(body)}))
    codes = _codes(parts)
    text = _text(parts) or _raw_text(reply)
    return ErrorBody(
        failed=bool(error),
        status=next((int(code) for code in codes if _is_status(code)), None),
        codes=codes,
        text=text,
        plain=f"{text[:LENGTH]} {' '.join(codes)}".lower(),
        spent=frozenset(map(quota_window, violations(error))),
        nothing=any(map(spends_nothing, violations(error))),
        parameter=_parameter(parts),
    )


def error_parts(body: object) -> tuple[Mapping[str, Any], ...]:
    """The error in a body and those inside it, outermost first; empty where it tells of none."""
    error = error_of(first(body))
    return tuple(part for _, part in _parts(error)) if error else ()


def error_text(body: object) -> str:
    """What the error in a body says for people."""
    error = error_of(first(body))
    return _text(tuple(_parts(error))) if error else ""


def error_of(body: object) -> Mapping[str, Any]:
    """The error object; a bare text counts as its message. Empty where there is none.

    Also one inside the first choice (OpenRouter), at the end of a stream (Cohere, in ``delta``),
    or at the top level of what should be an answer.
    """
    fields = mapping(body)
    for holder in (fields, mapping(first(fields.get("choices"))), mapping(fields.get("delta"))):
        found = first(holder.get("error"))
        if isinstance(found, str) and found:
            return {"message": found, **_words_beside(holder)}
        if isinstance(found, dict) and found:
            return found
        if holder.get("finish_reason") in ("error", "ERROR"):
            return {"message": "finish_reason is error"}
    return fields if _is_bare_error(fields) else {}


def _words_beside(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    """The codes beside an error that is a text (xAI, LM Studio)."""
    return {name: holder[name] for name in ("code", "type", "status") if name in holder}


def _is_bare_error(fields: Mapping[str, Any]) -> bool:
    """Whether an object without ``error`` is one itself: a failing code, and no answer."""
    base = mapping(fields.get("base_resp"))
    if base and str(base.get("status_code", 0)) not in FINE:
        return True
    if any(fields.get(name) for name in ANSWERS):
        return False
    if fields.get("success") is False or fields.get("type") == "error":
        return True
    named = dict(_fields(fields))
    codes = (named.get(name) for name in FAILING_NAMES)
    told = any(isinstance(fields.get(n), str) for n in ("message", "msg", "error_msg", "detail"))
    failing = any(_is_failing(code) for code in codes) or fields.get("object") == "error"
    return told and (failing or fields.get("status") in ("error", "failed"))


def _is_failing(code: object) -> bool:
    if isinstance(code, bool) or not isinstance(code, int | str) or code == "":
        return False
    return str(code)[:CODE_LENGTH].lower() not in FINE


Part = tuple[str, Mapping[str, Any]]


def _parts(error: Mapping[str, Any]) -> Iterator[Part]:
    """The error and what it holds, each with the name it stands under, outermost first."""
    level: list[Part] = [("", error)]
    left = PARTS
    for _ in range(DEPTH):
        deeper: list[Part] = []
        for place, part in level[:left]:
            yield place, part
            deeper.extend(islice(_held(part), PARTS))
        left -= len(level)
        level = deeper
        if left <= 0:
            return


def _held(part: Mapping[str, Any]) -> Iterator[Part]:
    for name, value in islice(part.items(), FIELDS):
        place = name.lower() if len(name) <= CODE_LENGTH else ""
        if place in HOLDERS:
            for one in value[:8] if isinstance(value, list) else (value,):
                if isinstance(one, dict):
                    yield place, one
                elif isinstance(one, str) and isinstance(value, list):
                    yield place, {"message": one}


def _codes(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """Every code, those of the more telling names first, each once."""
    named = [(place, name, value) for place, part in parts for name, value in _fields(part)]
    found = (
        code
        for wanted in CODE_NAMES
        for place, name, value in named
        if name == wanted
        for code in _code(place, name, value)
    )
    return tuple(dict.fromkeys(found))


def _fields(part: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Names in lower case: gateways in C# and Java begin them with capitals."""
    for name, value in islice(part.items(), FIELDS):
        if len(name) <= CODE_LENGTH:
            yield name.lower(), value


def _code(place: str, name: str, value: object) -> Iterator[str]:
    if not isinstance(value, int | str) or isinstance(value, bool):
        return
    code = value.strip() if isinstance(value, str) else _number(value)
    if not 0 < len(code) <= CODE_LENGTH:
        return
    if code.isdigit() and place in PLACED:
        yield PLACED[place] + code
    elif code.isdigit() and name == "error_code":
        yield f"error_code.{code}"
    yield code


def _number(value: int) -> str:
    """Without the digits of one that is no code: Python refuses to print 5,000 of them."""
    return str(value) if abs(value) < LARGEST_CODE else ""


def _text(parts: tuple[Part, ...]) -> str:
    """What the outer error says, then what those inside say: a gateway's words, the vendor's."""
    return ". ".join(islice(dict.fromkeys(filter(None, map(_said, parts))), TEXTS))


def _said(part: Part) -> str:
    fields = dict(_fields(part[1]))
    told = (fields.get(name) for name in TEXT_NAMES)
    return next((text.strip() for text in told if isinstance(text, str) and text.strip()), "")


def _parameter(parts: tuple[Part, ...]) -> str:
    told = (part.get("param") for _, part in parts)
    return next((name.lower() for name in told if isinstance(name, str) and len(name) <= 100), "")


def _raw_text(reply: BoundedResponse) -> str:
    """A page's words would be mark-up; other text may explain itself."""
    if reply.is_html or reply.text.lstrip().startswith(("{", "[", "<")):
        return ""
    return reply.text


def _is_status(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isdigit() and int(code) in STATUS
