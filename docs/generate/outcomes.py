"""Outcome kinds with what each counts as, and what makes one, from the code that judges."""

from docs.generate.tables import code, table
from tracker.core.outcomes import OutcomeKind
from tracker.health.status_rules import PLAIN_WORDS
from tracker.probes.classify import CODES, STATUSES

OTHERS = (
    ("any other 4xx", OutcomeKind.REQUEST),
    ("any other 5xx, an error inside a 200", OutcomeKind.SERVER),
    ("a redirect, a 200 that is not of the API's shape", OutcomeKind.BAD_RESPONSE),
)


def kinds() -> str:
    head = ("outcome", "in words", "counts as", "uptime", "`consecutive_failures`")
    return table(
        head, ((code(kind.value), PLAIN_WORDS[kind], *counted(kind)) for kind in OutcomeKind)
    )


def counted(kind: OutcomeKind) -> tuple[str, str, str]:
    if kind.is_success:
        return "success", "up", "0"
    if kind.is_limit:
        return "reachable, not usable until its reset", "not counted", "unchanged"
    if kind.is_ours:
        return "nothing", "not counted", "unchanged"
    return "failure", "down", "+ 1"


def statuses() -> str:
    rows = [(code(status), code(kind.value)) for status, kind in STATUSES.items()]
    rows += [(words, code(kind.value)) for words, kind in OTHERS]
    return table(("HTTP status", "outcome"), rows)


def words() -> str:
    rows = ((code(word), code(kind.value)) for word, kind in CODES.items())
    return table(("word", "outcome"), rows)
