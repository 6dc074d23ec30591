"""The error inside an answer, out of the shapes providers give it. Pure and total."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from tracker.probes.google_errors import details, first, mapping, quota_window, violations
from tracker.probes.http.response import BoundedResponse

LENGTH = 2000  # characters of a text looked at for words
STATUS = range(400, 600)


@attrs.frozen(kw_only=True)
class ErrorBody:
    """failed: the body says that the request failed. status: the HTTP status it names inside.

    codes: its words, lower case, most telling first. text: its message for people. plain: text
    and codes in lower case, to look for words. spent: what the quotas that it names as violated
    are for (Google): day, minute.
    """

    failed: bool = False
    status: int | None = None
    codes: tuple[str, ...] = ()
    text: str = ""
    plain: str = ""
    spent: frozenset[str] = frozenset()


def read_error(reply: BoundedResponse) -> ErrorBody:
    """The error a body tells of; for a failed status without JSON, its beginning as text."""
    body = first(reply.json)
    error = error_of(body)
    if reply.status < 400 and not error:
        return ErrorBody()
    fields = error or mapping(body)
    codes = tuple(dict.fromkeys((*_codes(fields), *_codes(mapping(body)))))
    text = _text(fields) or _text(mapping(body)) or _raw_text(reply)
    return ErrorBody(
        failed=bool(error),
        status=next((int(code) for code in codes if _is_status(code)), None),
        codes=codes,
        text=text,
        plain=f"{text[:LENGTH]} {' '.join(codes)}".lower(),
        spent=frozenset(map(quota_window, violations(fields))),
    )


def error_of(body: object) -> Mapping[str, Any]:
    """The error object; a bare text counts as its message. Empty where there is none.

    Also one inside the first choice (OpenRouter) or at the end of a stream (Cohere, in ``delta``).
    """
    fields = mapping(body)
    for holder in (fields, mapping(first(fields.get("choices"))), mapping(fields.get("delta"))):
        found = holder.get("error")
        if isinstance(found, str) and found:
            return {"message": found}
        if isinstance(found, dict) and found:
            return found
        if holder.get("finish_reason") in ("error", "ERROR"):
            return {"message": "finish_reason is error"}
    return {}


def _codes(error: Mapping[str, Any]) -> Iterator[str]:
    """Reasons before codes before kinds: from the most telling to the vaguest."""
    for detail in details(error):
        yield from _word(detail.get("reason"))
    metadata = mapping(error.get("metadata"))
    for value in (
        metadata.get("error_type"),
        error.get("error_code"),
        error.get("code"),
        error.get("type"),
        error.get("status"),
        error.get("error"),
    ):
        yield from _word(value)


def _word(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        return
    if isinstance(value, int) or (isinstance(value, str) and 0 < len(value) <= 100):
        yield str(value).strip().lower()


def _text(fields: Mapping[str, Any]) -> str:
    for name in ("message", "detail", "error", "title", "msg"):
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return value
    problems = fields.get("errors")
    return _text(mapping(first(problems))) if isinstance(problems, list) else ""


def _raw_text(reply: BoundedResponse) -> str:
    """A page's words would be mark-up; other text may explain itself."""
    if reply.is_html or reply.text.lstrip().startswith(("{", "[", "<")):
        return ""
    return reply.text


def _is_status(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isdigit() and int(code) in STATUS
