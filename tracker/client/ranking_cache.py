"""The client's cached data and state, shared by its background and its readers."""

import math
from collections.abc import Callable, Collection
from enum import StrEnum

import attrs

from tracker.client.cached_ranking import CachedRanking
from tracker.client.listed_models import ListedModels
from tracker.client.questions import FollowedQuestions, Question

# A tracker publishes a snapshot at least once a minute. If the timestamp does not change for three,
# the server still answers but the tracker behind it has stopped: its answers are not fresh.
HEARTBEAT_LIMIT = 180.0


class State(StrEnum):
    """The current source of answers."""

    STARTING = "starting"  # no request has finished yet: the caller's static order
    LIVE = "live"  # the tracker's ranking; a change arrives immediately
    POLLING = "polling"  # the tracker's ranking; a change arrives with the next poll
    STALE = "stale"  # the tracker's last ranking: it does not answer, but that is recent enough
    STATIC = "static"  # the caller's static order: there is no ranking, or it is too old


@attrs.define(kw_only=True)
class RankingCache:
    """Written only by the background. Readers need no lock: attributes are replaced as a whole.

    All times are seconds of ``clock``.
    """

    static: CachedRanking
    stale_after: float
    clock: Callable[[], float]
    view: CachedRanking = CachedRanking()
    models: ListedModels | None = None
    confirmed_at: float | None = None
    fresh_until: float = -math.inf
    moved_at: float = -math.inf  # when the tracker's timestamp last changed
    tried: bool = False
    trouble: str = ""  # why the last request failed
    models_trouble: str = ""  # why the last request for the model lists failed
    streaming: bool = False
    with_models: bool = True
    questions: FollowedQuestions = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.questions = FollowedQuestions(self.clock, self.stale_after, enabled=self.with_models)

    def learn(self, view: CachedRanking) -> None:
        """Take a ranking that the tracker answered with."""
        if view.timestamp != self.view.timestamp or self.confirmed_at is None:
            self.moved_at = self.clock()
        self.view = view
        self.confirm()

    def confirm(self) -> None:
        """Note that the tracker said that what we hold is still so."""
        now = self.clock()
        if self.view.timestamp and now - self.moved_at > HEARTBEAT_LIMIT:
            self.fail(f"the tracker answers, but its snapshot is {now - self.moved_at:.0f} s old")
            return
        self.tried, self.trouble = True, ""
        self.confirmed_at, self.fresh_until = now, now + self.stale_after

    def fail(self, why: str) -> None:
        """Remember why the last attempt to reach the tracker failed, until one succeeds."""
        self.tried, self.trouble = True, why

    def standing(self, model: object) -> tuple[CachedRanking, Collection[str] | None]:
        """Return the ranking that answers now, and the providers of the model (None: do not ask).

        While no model list is known, a question about a model is one the tracker cannot answer.
        """
        if self.clock() >= self.fresh_until:
            return self.static, None
        if model is None:
            return self.view, None
        return (
            (self.static, None) if self.models is None else (self.view, self.models.offering(model))
        )

    def offers(self, question: Question) -> CachedRanking | None:
        """Return the tracker's ranking of the offers.

        None while it has told none that still holds.
        """
        if self.clock() >= self.fresh_until:
            return None
        return self.questions.answer(question)

    @property
    def age(self) -> float | None:
        """Return the seconds since the tracker last confirmed the ranking, None before that."""
        return None if self.confirmed_at is None else self.clock() - self.confirmed_at

    @property
    def state(self) -> State:
        """Return how far the ranking can be trusted, from LIVE down to STATIC."""
        if self.clock() >= self.fresh_until:
            return State.STATIC if self.tried else State.STARTING
        if self.trouble:
            return State.STALE
        return State.LIVE if self.streaming else State.POLLING

    @property
    def reason(self) -> str:
        """Say in a sentence why the state is what it is, for a person."""
        if self.trouble:
            return self.trouble
        if self.clock() >= self.fresh_until:
            return "the tracker has stopped answering" if self.tried else "no answer yet"
        how = "and sends changes immediately" if self.streaming else "but without an event stream"
        return f"the tracker answers, {how}{self._of_models}"

    @property
    def _of_models(self) -> str:
        if not self.models_trouble:
            return ""
        known = "are not known" if self.models is None else "may be out of date"
        return f"; its model lists {known}: {self.models_trouble}"
