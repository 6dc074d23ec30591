"""A ranking that is always there, even when the chosen policy fails or hangs."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial

import attrs
import structlog

from tracker.core.ranking import Excluded, Ranked, Ranking
from tracker.core.settings import RankingSettings
from tracker.ranking.expected_cost import ExpectedCost
from tracker.ranking.load import DEFAULT, SHIPPED, load_policy
from tracker.ranking.policy import Candidate, Policy, PolicyError
from tracker.ranking.rank import ranking_of, run_policy, usual_failure_ms

log = structlog.get_logger()

# Ranking a thousand takes 5 ms; the caller's event loop is blocked while it waits.
PATIENCE_SECONDS = 0.1
# A policy that was late this often is not called again, so it can cost a third of a second in all.
LATE_AT_MOST = 3


@attrs.define
class TimedPolicy:
    """A policy in a separate thread with a deadline in seconds; raises PolicyError when late.

    A thread cannot be stopped: while a late call still runs, or after too many, it raises at once.
    """

    name: str
    policy: Policy
    patience: float = PATIENCE_SECONDS
    _late: int = attrs.field(default=0, init=False)
    _last: Future[tuple[Ranked, ...]] | None = attrs.field(default=None, init=False)

    def __call__(
        self, candidates: Sequence[Candidate], incumbent: str | None
    ) -> tuple[Ranked, ...]:
        if self._late >= LATE_AT_MOST:
            raise PolicyError(
                f'policy "{self.name}" was too slow {self._late} times and is not called again'
            )
        if self._last is not None and not self._last.done():
            raise PolicyError(f'policy "{self.name}" has not answered its last call yet')
        self._last = Future()
        self._begin(self._last, partial(run_policy, self.policy, candidates, incumbent, self.name))
        try:
            return self._last.result(self.patience)
        except TimeoutError:
            self._late += 1
            raise PolicyError(
                f'policy "{self.name}" took longer than {self.patience:g} s'
            ) from None

    def _begin(
        self, answer: Future[tuple[Ranked, ...]], call: Callable[[], tuple[Ranked, ...]]
    ) -> None:
        def run() -> None:
            try:
                answer.set_result(call())
            except Exception as error:  # noqa: BLE001 (raised where the answer is awaited)
                answer.set_exception(error)
            except BaseException as error:  # noqa: BLE001 (a Rust panic, a cancellation: its own)
                told = f"{type(error).__name__}: {error}"
                answer.set_exception(PolicyError(f'policy "{self.name}" failed: {told}'))

        # A daemon thread: a policy that never returns must not keep the process from exiting.
        threading.Thread(target=run, name=self.name, daemon=True).start()


def with_deadline(name: str, policy: Policy, patience: float = PATIENCE_SECONDS) -> Policy:
    """Return a user's policy with its deadline.

    A shipped one as it is, since it is known to be quick.
    """
    return policy if name in SHIPPED else TimedPolicy(name, policy, patience)


class FallbackRanker:
    """Ranks by the configured policy, and by the default one whenever that fails.

    complaint: why the default policy ranks now; None while the configured one does.
    Raises PolicyError on creation when the policy cannot be loaded.
    """

    def __init__(
        self,
        settings: RankingSettings = RankingSettings(),
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.name = settings.policy
        self.complaint: str | None = None
        self._policy = with_deadline(self.name, load_policy(self.name, settings), patience)
        self._default = load_policy(DEFAULT, settings)

    def __call__(
        self,
        candidates: Sequence[Candidate],
        excluded: Sequence[Excluded],
        incumbent: str | None,
        valid_until: datetime | None = None,
    ) -> Ranking:
        try:
            ranked, name = self._run(self._policy, candidates, incumbent, self.name), self.name
        except PolicyError as error:
            if self.name == DEFAULT:
                raise  # our own bug
            self._note(str(error))
            ranked, name = self._run(self._default, candidates, incumbent, DEFAULT), DEFAULT
        else:
            self._note(None)
        usual = usual_failure_ms(candidates)
        return ranking_of(ranked, excluded, name, valid_until, usual_failure_ms=usual)

    def prepare(self, candidates: Sequence[Candidate]) -> Iterator[None]:
        """Compute in steps what a ranking of many takes longest for; to be walked to its end."""
        if isinstance(self._policy, ExpectedCost):
            yield from self._policy.prepare(candidates)

    def _run(
        self, policy: Policy, candidates: Sequence[Candidate], incumbent: str | None, name: str
    ) -> tuple[Ranked, ...]:
        """Check the answers of users' policies only: the shipped ones keep to the rules."""
        if name in SHIPPED:
            return tuple(policy(candidates, incumbent)) if candidates else ()
        return run_policy(policy, candidates, incumbent, name)

    def _note(self, complaint: str | None) -> None:
        """Log each new complaint once, not at every ranking."""
        if complaint == self.complaint:
            return
        self.complaint = complaint
        if complaint is None:
            log.info("ranking policy works again", policy=self.name)
        else:
            log.warning("ranking policy failed", policy=self.name, error=complaint, instead=DEFAULT)
