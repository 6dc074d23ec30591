"""The queries about offers that callers repeat, each with the tracker's last answer.

Readers in any thread add queries, and the background answers them. Attributes and entries are
replaced as a whole, so readers need no lock.
"""

import math
from collections.abc import Callable, Collection
from urllib.parse import urlencode

import attrs

from tracker.client.cached_ranking import CachedRanking

MOST = 64  # queries kept: each costs the tracker a 304 at every poll
FORGOTTEN_SECONDS = 600.0  # a query is dropped after this time without use
LONGEST = 4_000  # characters of a query; servers and proxies refuse longer ones


@attrs.frozen
class Question:
    """A query for the best offer: of a model, or among given offers. One of the two is not None."""

    model: str | None = None
    offers: frozenset[str] | None = None

    @property
    def query(self) -> str:
        """Return the query string for ``/api/providers/best``, empty for the plain question."""
        names = {"model": self.model, "candidates": ",".join(sorted(self.offers or ()))}
        return urlencode({name: value for name, value in names.items() if value})


@attrs.define(eq=False)
class Followed:
    """view: None until the tracker has answered. asked_at, confirmed_at: seconds of the clock."""

    question: Question
    asked_at: float
    view: CachedRanking | None = None
    confirmed_at: float = -math.inf
    tag: str | None = None

    def learn(self, view: CachedRanking, tag: str | None, now: float) -> None:
        """Keep a new answer. now: seconds of the client's clock."""
        self.view, self.tag, self.confirmed_at = view, tag, now

    def confirm(self, now: float) -> None:
        """Keep the present answer for longer: the tracker said that it still holds."""
        self.confirmed_at = now


@attrs.define(eq=False)
class FollowedQuestions:
    """``enabled``: False keeps none, so that no query is answered from here."""

    clock: Callable[[], float]
    stale_after: float
    enabled: bool = True
    _followed: dict[Question, Followed] = attrs.field(factory=dict)

    def answer(self, question: Question) -> CachedRanking | None:
        """Return what the tracker said last, None while it has not, or too long ago."""
        now = self.clock()
        known = self._followed.get(question)
        if known is None:
            self._follow(question, now)
            return None
        known.asked_at = now
        return known.view if now - known.confirmed_at < self.stale_after else None

    def current(self) -> Collection[Followed]:
        """Return what to ask the tracker; what nobody asked for long is dropped."""
        oldest = self.clock() - FORGOTTEN_SECONDS
        for known in tuple(self._followed.values()):
            if known.asked_at < oldest:
                self._followed.pop(known.question, None)
        return tuple(self._followed.values())

    def unanswered(self) -> Collection[Followed]:
        """Return the followed questions that have no answer yet."""
        return tuple(one for one in tuple(self._followed.values()) if one.view is None)

    def _follow(self, question: Question, now: float) -> None:
        if not self.enabled or len(question.query) > LONGEST:
            return
        followed = tuple(self._followed.values())
        if len(followed) >= MOST:  # drop the one unused for longest
            oldest = min(followed, key=lambda one: one.asked_at)
            self._followed.pop(oldest.question, None)
        self._followed[question] = Followed(question, now)
