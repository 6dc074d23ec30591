"""Every node of every recorded answer replaced by every kind of value, for every check.

Each body comes as an answer and as an event of a stream, with two statuses, to each dialect's
checks, twice: a case is one check.
"""

import json
import multiprocessing
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import trio

from benchmarks.torture.flips import be_silent
from benchmarks.torture.report import Outcome
from tests.helpers.odd_answers import (
    CHECKS,
    KEY,
    Answers,
    asked_provider,
    check_twice,
    framed,
    mutated_bodies,
)
from tracker.probes.http.response import BoundedResponse

STATUSES = (200, 429)
LANES = 2
Share = tuple[str, str, int]  # a kind, one of its checks, and how many of the bodies to leave out


async def type_confusion(step: int) -> Outcome:
    """``step``: one in so many bodies is tried."""
    shares: list[Share] = [(kind, check, step) for kind, check in CHECKS]
    cases, kinds, wrong = 0, Counter[str](), []
    with multiprocessing.get_context("forkserver").Pool(LANES, be_silent) as pool:
        done = await trio.to_thread.run_sync(pool.map, try_share, shares, 1)
    for made, found, faults in done:
        cases, kinds, wrong = cases + made, kinds + found, wrong + faults
    figures = {"cases": cases, "dialects_and_checks": len(CHECKS)}
    told = {"outcomes": " ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())}
    promised = {"exceptions_or_keys_shown": len(wrong)}
    return Outcome({**figures, **told, **promised}, tuple(wrong[:20]))


def try_share(share: Share) -> tuple[int, Counter[str], list[str]]:
    return trio.run(_try_share, *share)


async def _try_share(kind: Any, check: Any, step: int) -> tuple[int, Counter[str], list[str]]:
    made, found, wrong = 0, Counter[str](), []
    with tempfile.TemporaryDirectory() as folder:
        credentials = Path(folder) / "oauth_creds.json"
        credentials.write_text(json.dumps({"refresh_token": KEY, "access_token": KEY}))
        provider = asked_provider(kind, check, str(credentials))
        for body in mutated_bodies()[::step]:
            for text, status in product(framed(body), STATUSES):
                answers, made = Answers([BoundedResponse(status=status, body=text)]), made + 2
                case = f"{kind} {check} {status} {text!r}"
                try:
                    results = await check_twice(provider, answers)
                except Exception as error:  # noqa: BLE001 (that is what is looked for)
                    wrong.append(
                        f"{kind} {check} {status} {text!r}: {type(error).__name__}: {error}"
                    )
                    continue
                found.update(result.kind.value for result in results)
                if any(KEY in repr(result) for result in results):
                    wrong.append(f"{case} shows the key")
    return made, found, wrong
