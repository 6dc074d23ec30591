"""tracker.runtime.published_pool: the incremental pool equals a newly built one."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.idle_tracker import a_provider
from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Excluded
from tracker.ranking.policy import Candidate
from tracker.runtime.published_pool import NEVER, PublishedPool

BEGIN = datetime(2026, 11, 28, tzinfo=UTC)
NAMES = "abcdefg"
moments = st.integers(0, 60).map(lambda seconds: BEGIN + timedelta(seconds=seconds))
steps = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(NAMES), st.none() | moments, st.booleans()),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.none(), st.booleans()),
    st.tuples(st.just("look"), st.sampled_from(NAMES), moments, st.booleans()),
)


def put(pool: PublishedPool, view: ProviderStatus, *, usable: bool) -> Candidate | Excluded:
    entry: Candidate | Excluded = Candidate(provider=view.name, status=Status.HEALTHY)
    if not usable:
        entry = Excluded(provider=view.name, reason="down", status=Status.DOWN)
    state: Any = SimpleNamespace(
        published=SimpleNamespace(entry=entry, changes_at=NEVER, offers=()), offers={}
    )
    pool.put(state, view)
    return entry


@given(st.lists(steps, max_size=40), moments)
def test_the_pool_holds_the_present_entries_after_any_changes(
    done: list[tuple[str, str, datetime | None, bool]], at: datetime
) -> None:
    pool, views, entries = PublishedPool(), {}, {}
    plain = attrs.evolve(a_provider(), timeout_seconds=5.0)
    for what, name, moment, usable in done:
        if what == "put":
            views[name] = attrs.evolve(plain, name=name, next_check=moment)
            entries[name] = put(pool, views[name], usable=usable)
        elif what == "remove":
            pool.remove(name)
            views.pop(name, None)
            entries.pop(name, None)
        elif moment is not None and moment <= at:  # time goes on
            pool.next_result_at(moment)
    chosen = [entries[name] for name in sorted(entries)]
    found = pool.candidate_pool()
    assert list(found.candidates) == [one for one in chosen if isinstance(one, Candidate)]
    assert list(found.excluded) == [one for one in chosen if isinstance(one, Excluded)]
    assert list(pool.copy_views()) == sorted(views)
    dues = [due for view in views.values() if (due := view.next_result_at(at)) is not None]
    assert pool.next_result_at(at) == min(dues, default=None)
