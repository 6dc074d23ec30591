"""The limits of a replay, in sentences."""

from collections.abc import Iterator

from tracker.health.status_rules import STALE_INTERVALS
from tracker.replay.history import History

NAMES_SHOWN = 3  # of providers in one note


def describe_gaps(history: History) -> Iterator[str]:
    """Tell which providers join late or end early: nobody knows what a call would have met."""
    first, last = _spans(history)
    rounds = len(history.rounds)
    late = [f"{name} (round {at + 1})" for name, at in first.items() if at > 0]
    # One round without a check is a gap like any other; more than the stale rule allows is an end.
    early = [f"{n} (round {at + 1})" for n, at in last.items() if rounds - 1 - at > STALE_INTERVALS]
    if late:
        yield f"joined after the first of {rounds} rounds: {_list(late)}"
    if early:
        yield f"ended before the last of {rounds} rounds: {_list(early)}; stale from then on"


def _spans(history: History) -> tuple[dict[str, int], dict[str, int]]:
    """Return the first and the last round of each provider."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, round_ in enumerate(history.rounds):
        for check in round_:
            first.setdefault(check.outcome.provider, place)
            last[check.outcome.provider] = place
    return first, last


def _list(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
