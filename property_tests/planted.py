"""Seven planted bugs, one at a time, that the state machine has to find.

``python -m property_tests.planted`` prints for each how many rules that took and the length of the
smallest program that shows it (docs/planted-bugs.md has its output).
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Excluded
from tracker.health import blame, publishing
from tracker.health import health_state as health
from tracker.health.uptime_window import DAY, UptimeWindow
from tracker.ranking.policy import Candidate
from tracker.store import writing
from tracker.store.backlog import Backlog
from tracker.testing.machine import TrackerMachine
from tracker.testing.machine_runner import quiet

MEMORY = Path("/dev/shm")
RULES = ("a_", "an_", "the_", "it_", "time_", "trio_", "somebody_")  # the rest are invariants
UP = {Status.HEALTHY, Status.DEGRADED}


def failures_are_never_forgotten() -> None:
    """A success leaves the count of consecutive failures as it is."""
    right = health._after_success

    def wrong(before: health.HealthState, *rest: Any) -> dict[str, Any]:
        return right(before, *rest) | {"consecutive_failures": before.consecutive_failures}

    health._after_success = wrong


def recovery_survives_a_failure() -> None:
    """A failure during recovery does not start the run of good checks again."""
    right = health._after_failure

    def wrong(before: health.HealthState, *rest: Any) -> dict[str, Any]:
        after = right(before, *rest)
        return after if after["down"] else after | {"recovery": before.recovery}

    health._after_failure = wrong


def windows_keep_one_check_too_many() -> None:
    """The hour and the week of uptime begin one check too early."""
    right = UptimeWindow.slide

    def wrong(self: UptimeWindow, verdict: bytearray, start: int) -> None:
        early = self.seconds != DAY
        right(self, verdict, max(start - early, 0))

    UptimeWindow.slide = wrong


def what_could_not_be_written_is_forgotten() -> None:
    """The backlog forgets a batch when it is taken, not when it is committed."""

    def wrong(self: Backlog) -> None:
        self.done()

    Backlog.put_back = wrong


def the_ranking_forgets_who_is_usable() -> None:
    """Every provider that is up is ranked, also one that refuses our key."""
    right = publishing.build_entry

    def wrong(view: ProviderStatus, *rest: Any) -> Candidate | Excluded:
        return right(attrs.evolve(view, usable=view.status in UP), *rest)

    publishing.build_entry = wrong


def a_model_that_is_gone_is_held_against_its_provider() -> None:
    """A 404 of one model counts as its provider's failure."""
    blame.CONCERNS_PROVIDER |= {OutcomeKind.NOT_FOUND}


def what_offers_did_to_their_provider_is_not_stored() -> None:
    """Failures of two offers count for their provider only until the next restart."""

    def wrong(*_: Any) -> tuple[()]:
        return ()

    writing._blamed_states = wrong


BUGS: tuple[Callable[[], None], ...] = (
    failures_are_never_forgotten,
    recovery_survives_a_failure,
    windows_keep_one_check_too_many,
    what_could_not_be_written_is_forgotten,
    the_ranking_forgets_who_is_usable,
    a_model_that_is_gone_is_held_against_its_provider,
    what_offers_did_to_their_provider_is_not_stored,
)
_PLACES: Mapping[Any, tuple[str, ...]] = {
    health: ("_after_success", "_after_failure"),
    UptimeWindow: ("slide",),
    Backlog: ("put_back",),
    publishing: ("build_entry",),
    blame: ("CONCERNS_PROVIDER",),
    writing: ("_blamed_states",),
}


@contextmanager
def planted(bug: Callable[[], None]) -> Iterator[None]:
    right = {(place, name): getattr(place, name) for place in _PLACES for name in _PLACES[place]}
    try:
        bug()
        yield
    finally:
        for (place, name), code in right.items():
            setattr(place, name, code)


@attrs.frozen
class Found:
    """A found bug. rules: executed until it was found, or until it was minimised."""

    what: str
    rules: int
    steps: tuple[str, ...]


class _Seeded(TrackerMachine):
    """The same machine with a seed."""


def hunt(
    bug: Callable[[], None], *, minimise: bool, examples: int = 2_000, start: int | None = None
) -> Found | None:
    """Return what the machine finds with the bug in place; None: nothing.

    start: the seed of its programs; None: the one that hypothesis derives.
    """
    before = TrackerMachine.executed_rules()
    machine = TrackerMachine if start is None else seed(start)(_Seeded)
    with planted(bug):
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=20,
                    deadline=None,
                    database=None,
                    derandomize=start is None,
                    report_multiple_bugs=False,
                    phases=(Phase.generate, Phase.shrink) if minimise else (Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except AssertionError as error:
            program = "\n".join(getattr(error, "__notes__", ()))
            steps = [" ".join(step.split()) for step in program.split("\nstate.")[1:]]
            rules = TrackerMachine.executed_rules() - before
            return Found(str(error), rules, tuple(s for s in steps if s.startswith(RULES)))
    return None


def main() -> None:
    TrackerMachine.folder = MEMORY if MEMORY.is_dir() else None
    missed = 0
    for bug in BUGS:
        with quiet():
            found = hunt(bug, minimise=True)
        print(f"\n{bug.__name__}: {bug.__doc__}")
        if found is None:
            missed += 1
            print("  NOT FOUND")
            continue
        print(f"  smallest program: {len(found.steps)} steps, {found.rules:,} rules in all")
        print("\n".join(f"    {step}" for step in found.steps), flush=True)
        print(f"  {found.what}")
    sys.exit(missed)


if __name__ == "__main__":
    main()
