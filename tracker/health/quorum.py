"""What all vantages together say about a provider. Pure.

A vantage that sees most of its providers down while no other does has a fault of its own, so it
has no vote.
"""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from tracker.core.outcomes import Status

# Fewer prove nothing: two of three providers may fail on the same day.
FEWEST_TO_SUSPECT = 4


@attrs.frozen(kw_only=True)
class Vote:
    """What one vantage says about one provider."""

    vantage: str
    status: Status
    fresh: bool = True


@attrs.frozen(kw_only=True)
class Verdict:
    status: Status
    reason: str


def cluster_verdict(
    votes: Iterable[Vote], down_from: int | None, suspects: frozenset[str] = frozenset()
) -> Verdict:
    """Judge a provider by the votes of those vantages that see it now and are not suspect.

    down_from: how many must see it down; None: a majority, at least two.
    """
    counted = sorted(
        (
            vote
            for vote in votes
            if vote.fresh and vote.status is not Status.UNKNOWN and vote.vantage not in suspects
        ),
        key=lambda vote: vote.vantage,
    )
    if not counted:
        return Verdict(status=Status.UNKNOWN, reason="no vantage has checked it lately")
    if len(counted) == 1:
        only = counted[0]
        return Verdict(status=only.status, reason=f"{only.status.value} from {only.vantage} alone")
    return _judge(counted, down_from or max(len(counted) // 2 + 1, 2))


def _judge(votes: Sequence[Vote], down_from: int) -> Verdict:
    down = [vote.vantage for vote in votes if vote.status is Status.DOWN]
    share = f"({len(down)} of {len(votes)})"
    if len(down) >= down_from:
        return Verdict(status=Status.DOWN, reason=f"down from {', '.join(down)} {share}")
    if down:
        return Verdict(status=Status.DEGRADED, reason=f"down from {', '.join(down)} {share}")
    slow = [vote.vantage for vote in votes if vote.status is Status.DEGRADED]
    if slow:
        share = f"({len(slow)} of {len(votes)})"
        return Verdict(status=Status.DEGRADED, reason=f"degraded from {', '.join(slow)} {share}")
    return Verdict(status=Status.HEALTHY, reason=f"healthy from all {len(votes)} vantages")


def suspect_vantages(seen: Mapping[str, Iterable[Vote]]) -> frozenset[str]:
    """Return the vantages that see more than half of their providers down, alone with that.

    seen: the votes by provider. Alone: for more than half of what it sees down, others see up.
    """
    by_vantage: dict[str, list[tuple[str, Vote]]] = {}
    up_elsewhere: dict[str, set[str]] = {}
    for provider, votes in seen.items():
        for vote in votes:
            if not vote.fresh or vote.status is Status.UNKNOWN:
                continue
            by_vantage.setdefault(vote.vantage, []).append((provider, vote))
            if vote.status is not Status.DOWN:
                up_elsewhere.setdefault(provider, set()).add(vote.vantage)
    return frozenset(
        vantage for vantage, held in by_vantage.items() if _is_suspect(held, up_elsewhere)
    )


def _is_suspect(held: list[tuple[str, Vote]], up: Mapping[str, set[str]]) -> bool:
    down = [provider for provider, vote in held if vote.status is Status.DOWN]
    if len(held) < FEWEST_TO_SUSPECT or len(down) * 2 <= len(held):
        return False
    contradicted = sum(bool(up.get(provider)) for provider in down)
    return contradicted * 2 > len(down)
