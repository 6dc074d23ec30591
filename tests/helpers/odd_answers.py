"""Recorded answers with each node replaced by every kind of value, given to checks."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import msgspec
import pytest
import trio

from tests.helpers.recorded_answers import CASES
from tracker.config.catalogue import load_dialects
from tracker.core.outcomes import CheckResult
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import open_check, session
from tracker.probes.http.event_stream import read_stream
from tracker.probes.http.response import UNPARSEABLE, BoundedResponse, parse_json

KEY = "canary-0123456789abcdef"
CHECKS = [(kind.name, check) for kind in load_dialects().values() for check in kind.checks]
ODD = (None, True, 0, -1, 1e300, 2**63, "", "x", "error", [], ["chat"], [[]], {}, {"type": []})

# As no encoder of ours writes them: numbers beyond all bounds, halves of characters, deep nesting.
ODD_TEXTS = (
    b"9" * 5_000,
    b"-" + b"9" * 400,
    b"1e400",
    b"1e" + b"9" * 5_000,
    b"1e-400",
    b"NaN",
    b"-Infinity",
    rb'"\ud800"',
    rb'"a\udc00\u0000"',
    b'"' + b"x" * 20_000 + b'"',
    b"[" * 500 + b"]" * 500,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 200 + b"1" + b"}" * 200,
)
MARKS = tuple(f"<odd {number}>" for number in range(len(ODD_TEXTS)))


def asked_provider(kind: Any, check: Any, credentials: str) -> Provider:
    """One of this kind. credentials: a file of the Gemini CLI's."""
    return Provider(
        name="any",
        kind=kind,
        base_url="http://127.0.0.1:9",
        moved=True,
        keys=(Secret(KEY),),
        check=check,
        options={"credential_file": credentials, "project": "p", "account_id": "a"},
    )


@attrs.define
class Answers:
    """Gives these answers in turn, the last one forever."""

    left: list[BoundedResponse]

    async def fetch(self, *_: Any) -> BoundedResponse:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


async def check_twice(provider: Provider, given: Answers) -> list[CheckResult]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "fetch", given.fetch)
        async with open_check(provider) as check:
            return [await check(), await check()]


def findings(provider: Provider, given: Sequence[BoundedResponse]) -> list[CheckResult]:
    """Two checks whose requests are answered with these in turn, the last one forever."""
    return trio.run(check_twice, provider, Answers(list(given)))


def recorded_bodies() -> Iterator[Any]:
    """Every JSON body that a recorded answer holds, and the events of the streamed ones."""
    for case in CASES.values():
        answers = (*case.routes.values(), case.bad_key, case.spent, case.limited, case.overloaded)
        for one in answers:
            body = b"".join(one.pieces)
            if (whole := parse_json(body)) is not UNPARSEABLE:
                yield whole
            else:
                events = (parse_json(event.data) for event in read_stream(body))
                yield from (event for event in events if event is not UNPARSEABLE)


def mutations(value: Any) -> Iterator[Any]:
    """The value with each of its nodes replaced by each odd one."""
    yield from ODD
    yield from MARKS
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (value | {name: mutated} for mutated in mutations(inner))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from ([*value[:place], m, *value[place + 1 :]] for m in mutations(inner))


def mutated_bodies() -> list[bytes]:
    encoded = {msgspec.json.encode(m) for body in recorded_bodies() for m in mutations(body)}
    return sorted(map(_with_odd_text, encoded))


def _with_odd_text(body: bytes) -> bytes:
    """The body with the mark that it may have replaced by what that stands for."""
    _, mark, rest = body.partition(b'"<odd ')
    if not mark:
        return body
    number = rest.partition(b">")[0]
    return body.replace(b'"<odd %s>"' % number, ODD_TEXTS[int(number)])


def framed(body: bytes) -> tuple[bytes, bytes]:
    """As an answer, and as the event of a stream."""
    return body, b"data: " + body + b"\n\n"
