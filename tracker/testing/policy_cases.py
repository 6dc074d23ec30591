"""Generated inputs to a ranking policy."""

from collections.abc import Iterable, Sequence

import attrs
from hypothesis import strategies as st

from tracker.core.outcomes import Status
from tracker.ranking.policy import SAMPLES, Candidate, Sample

SHOWN = 12  # checks of a candidate in a counterexample
INTERVAL = 300.0


@attrs.frozen
class Case:
    """One input to a policy. All candidates share a time-out, and no latency reaches it."""

    candidates: tuple[Candidate, ...]
    incumbent: str | None

    def replaced(self, old: Candidate, new: Candidate) -> "Case":
        """Return the case with one candidate exchanged."""
        changed = tuple(new if c is old else c for c in self.candidates)
        return attrs.evolve(self, candidates=changed)

    def candidate(self, name: str | None) -> Candidate | None:
        """Return the candidate of that name, None where there is none."""
        return next((c for c in self.candidates if c.provider == name), None)

    def __str__(self) -> str:
        lines = [f"  incumbent: {self.incumbent}", *map(_show, self.candidates)]
        return "\n".join(lines)


def _show(candidate: Candidate) -> str:
    checks = [
        "failed" if not s.ok else "ok" if s.latency_ms is None else f"{s.latency_ms:g} ms"
        for s in candidate.samples
    ]
    if more := len(checks) - SHOWN:
        checks = [f"({more} older)", *checks[-SHOWN:]] if more > 0 else checks
    told = ", ".join(checks) or "no check"
    limit = f"time-out {candidate.timeout_ms:g} ms"
    return f"  {candidate.provider} ({candidate.status.value}, {limit}), newest last: {told}"


def with_checks(candidate: Candidate, samples: Iterable[Sample], status: Status) -> Candidate:
    """Return the candidate with these checks. Failures at the end make it degraded."""
    kept = tuple(samples)[-SAMPLES:]
    run = 0
    while run < len(kept) and not kept[-1 - run].ok:
        run += 1
    return attrs.evolve(
        candidate,
        samples=kept,
        consecutive_failures=run,
        status=Status.DEGRADED if run else status,
    )


# Built once: making a strategy costs more than drawing from it. A check is (ok, latency_ms).
_CHECKS = st.one_of(
    st.integers(1, 4_000).map(lambda ms: (True, float(ms))),
    st.just((False, None)),
    st.just((True, None)),
)
_HISTORIES = st.lists(_CHECKS, max_size=6)
_REPEATS = st.sampled_from((1, 1, 1, 40))  # some fill the whole memory of a candidate
_STATUSES = st.sampled_from((Status.HEALTHY, Status.DEGRADED))
_NAMES = st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True)
_TIMEOUTS = st.sampled_from((10_000.0, 5_000.0))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw candidates with checks and status, and an incumbent that may be missing."""
    names, timeout = draw(_NAMES), draw(_TIMEOUTS)
    candidates = []
    for name in names:
        blank = Candidate(provider=name, status=Status.HEALTHY, timeout_ms=timeout)
        samples = _set_times(draw(_HISTORIES) * draw(_REPEATS))
        candidates.append(with_checks(blank, samples, draw(_STATUSES)))
    return Case(tuple(candidates), draw(st.sampled_from((None, *names, "gone"))))


def _set_times(checks: Sequence[tuple[bool, float | None]]) -> list[Sample]:
    return [Sample(ok, ms, n * INTERVAL) for n, (ok, ms) in enumerate(checks[-SAMPLES:])]
