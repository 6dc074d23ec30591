"""Outcome kinds with what each counts as, and what makes one, from the code that judges."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from docs.generate.tables import code, codes, table
from tracker.core.outcomes import OutcomeKind
from tracker.health.status_rules import PLAIN_WORDS
from tracker.probes.classify import STATUSES
from tracker.probes.refusals.chinese import CHINESE
from tracker.probes.refusals.code_groups import CodeGroup
from tracker.probes.refusals.codes import GENERAL, LIMITS
from tracker.probes.refusals.exact_codes import EXACT
from tracker.probes.refusals.firewalls import SIGNS
from tracker.probes.refusals.meanings import MEANINGS
from tracker.probes.refusals.words import VOCABULARY

OTHERS = (
    ("any other 4xx", OutcomeKind.REQUEST),
    ("any other 5xx, an error inside a 200", OutcomeKind.SERVER),
    ("a redirect, a 200 that is not of the API's shape", OutcomeKind.BAD_RESPONSE),
)
ANSWERS = Path(__file__).parents[2] / "tests" / "data" / "answers"
SHOWN_SOURCES = 3
RANKS = (
    (EXACT, "before every word"),
    (LIMITS, "unless the text names a day or longer, or money"),
    (GENERAL, "after the words"),
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


def refusal_codes() -> str:
    """Every code, with its outcome, when it counts and who sends it."""
    rows = (
        (codes(group.codes), code(group.kind.value), rank, group.source)
        for groups, rank in RANKS
        for group in _by_outcome(groups)
    )
    return table(("codes", "outcome", "counts", "source"), rows)


def _by_outcome(groups: Iterable[CodeGroup]) -> list[CodeGroup]:
    order = list(OutcomeKind)
    return sorted(groups, key=lambda group: order.index(group.kind))


def refusal_claims() -> str:
    """What words together claim, in the order in which the claims are judged."""
    rows = (
        (meaning.claim, meaning.example, code(meaning.kind.value), meaning.guard)
        for meaning in MEANINGS
    )
    return table(("what the answer claims", "for example", "outcome", "unless"), rows)


def refusal_words() -> str:
    """The whole vocabulary: each word stands for one thing."""
    rows = (
        (concept.name.lower().replace("_", " "), " ".join(words.split()))
        for concept, words in VOCABULARY.items()
    )
    return table(("stands for", "words"), rows)


def chinese_words() -> str:
    rows: dict[str, list[str]] = {}
    for chinese, english in CHINESE.items():
        rows.setdefault(english, []).append(chinese)
    return table(("read as", "words"), ((english, "、".join(of)) for english, of in rows.items()))


def firewall_signs() -> str:
    return codes(SIGNS) + "\n"


def answer_kinds() -> str:
    """The kinds of answers from the field that the tests replay, as they expect them."""
    rows = []
    for file in sorted(ANSWERS.glob("*.json")):
        cases = json.loads(file.read_text())
        outcomes = Counter(case["outcome"].partition("|")[0] for case in cases)
        sources = dict.fromkeys(case["source"] for case in cases if "source" in case)
        rows.append(
            (
                file.stem.replace("_", " "),
                len(cases),
                codes(outcome for outcome, _ in outcomes.most_common()),
                ", ".join(list(sources)[:SHOWN_SOURCES]),
            )
        )
    return table(("kind", "answers", "outcomes", "reported, for example, in"), rows)
