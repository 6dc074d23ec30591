"""Finding the error in an answer, wherever vendors put it. Pure, total, bounded."""

from collections.abc import Mapping
from typing import Any

import attrs

from tracker.probes.error_parts import (
    CODE_LENGTH,
    Part,
    is_status,
    lower_fields,
    read_codes,
    read_text,
    walk_parts,
)
from tracker.probes.google_errors import quota_window, spends_nothing, violations
from tracker.probes.http.response import BoundedResponse
from tracker.probes.json_values import as_mapping, first

LENGTH = 2000  # characters of a text searched for phrases
# A success has one of these; in an error at the top level they are absent or empty.
ANSWERS = (
    *("choices", "data", "content", "candidates", "models", "result", "results", "output"),
    *("message_id", "usage"),
)
FAILING_NAMES = ("code", "error_code", "errorcode", "status_code", "statuscode")
FINE = frozenset({"0", "200", "ok", "success", "succeeded", "completed", "true"})


@attrs.frozen(kw_only=True)
class ErrorBody:
    """failed: the body says that the request failed. status: the HTTP status inside the body.

    codes: its codes, most specific first. text: its message for people. plain: text and codes in
    lower case. spent: the windows of the quotas it names as violated (Google): day, minute.
    nothing: one of them is 0, so waiting cannot help. parameter: what the error blames (``param``).
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
    """Return the error in a body; for a failed status without JSON, its start as text."""
    body = first(reply.json)
    error = error_of(body)
    if reply.status < 400 and not error:
        return ErrorBody()
    parts = tuple(walk_parts(error if reply.status < 400 else {"error": error, **as_mapping(body)}))
    codes = read_codes(parts)
    text = read_text(parts) or _raw_text(reply)
    return ErrorBody(
        failed=bool(error),
        status=next((int(code) for code in codes if is_status(code)), None),
        codes=codes,
        text=text,
        plain=f"{text[:LENGTH]} {' '.join(codes)}".lower(),
        spent=frozenset(map(quota_window, violations(error))),
        nothing=any(map(spends_nothing, violations(error))),
        parameter=_parameter(parts),
    )


def error_parts(body: object) -> tuple[Mapping[str, Any], ...]:
    """Return the error in a body and those inside it, outermost first.

    Empty if it has none.
    """
    error = error_of(first(body))
    return tuple(part for _, part in walk_parts(error)) if error else ()


def error_text(body: object) -> str:
    """Return what the error in a body says for people."""
    error = error_of(first(body))
    return read_text(tuple(walk_parts(error))) if error else ""


def error_of(body: object) -> Mapping[str, Any]:
    """Return the error object; a bare text counts as its message. Empty where there is none.

    Also one inside the first choice (OpenRouter), at the end of a stream (Cohere, in ``delta``),
    or at the top level of what should be an answer.
    """
    fields = as_mapping(body)
    for holder in (
        fields,
        as_mapping(first(fields.get("choices"))),
        as_mapping(fields.get("delta")),
    ):
        found = first(holder.get("error"))
        if isinstance(found, str) and found:
            return {"message": found, **_words_beside(holder)}
        if isinstance(found, dict) and found:
            return found
        if holder.get("finish_reason") in ("error", "ERROR"):
            return {"message": "finish_reason is error"}
    return fields if _is_bare_error(fields) else {}


def _words_beside(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the codes beside an error that is a text (xAI, LM Studio)."""
    return {name: holder[name] for name in ("code", "type", "status") if name in holder}


def _is_bare_error(fields: Mapping[str, Any]) -> bool:
    """Return whether an object without ``error`` is one itself: a failing code, and no answer."""
    base = as_mapping(fields.get("base_resp"))
    if base and str(base.get("status_code", 0)) not in FINE:
        return True
    if any(fields.get(name) for name in ANSWERS):
        return False
    if fields.get("success") is False or fields.get("type") == "error":
        return True
    if fields.get("error") is True or (isinstance(fields.get("errors"), list) and fields["errors"]):
        return True
    named = dict(lower_fields(fields))
    codes = (named.get(name) for name in FAILING_NAMES)
    told = any(isinstance(fields.get(n), str) for n in ("message", "msg", "error_msg", "detail"))
    failing = any(_is_failing(code) for code in codes) or fields.get("object") == "error"
    return told and (failing or fields.get("status") in ("error", "failed"))


def _is_failing(code: object) -> bool:
    if isinstance(code, bool) or not isinstance(code, int | str) or code == "":
        return False
    return str(code)[:CODE_LENGTH].lower() not in FINE


def _parameter(parts: tuple[Part, ...]) -> str:
    told = (part.get("param") for _, part in parts)
    return next((name.lower() for name in told if isinstance(name, str) and len(name) <= 100), "")


def _raw_text(reply: BoundedResponse) -> str:
    """Return the text, empty for a web page, whose words would be mark-up."""
    if reply.is_html or reply.text.lstrip().startswith(("{", "[", "<")):
        return ""
    return reply.text
